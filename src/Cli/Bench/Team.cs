using System.Diagnostics;
using System.Globalization;

namespace Ganymede.Cli;

/// <summary>
/// The processes that do rounds together, ours or a peer's, each with its standard input and output as the line to it (what is said: bench/Bench/Conversation.cs).
/// They end with this process, as their input ends with it.
/// </summary>
internal sealed class Team : IAsyncDisposable
{
    private const int ErrorLinesKept = 8;

    private readonly List<Process> _processes = [];
    private readonly Queue<string> _errors = new();
    private readonly string _name;

    private Team(string name) => _name = name;

    /// <param name="name">For messages.</param>
    /// <param name="members">How many processes.</param>
    /// <param name="commandLine">Program and arguments of a member.</param>
    /// <param name="cancel">Ends them.</param>
    public static async Task<Team> StartAsync(string name, int members, Func<int, IReadOnlyList<string>> commandLine, CancellationToken cancel)
    {
        var team = new Team(name);
        try
        {
            for (var member = 0; member < members; member++)
                team.Start(commandLine(member));
            var ports = await team.HearAsync("port", TimeSpan.FromMinutes(1), cancel);
            await team.SayAsync("connect " + string.Join(' ', ports.SelectMany(port => port)), cancel);
            await team.HearAsync("connected", TimeSpan.FromMinutes(1), cancel);
            return team;
        }
        catch
        {
            await team.DisposeAsync();
            throw;
        }
    }

    /// <summary>Seconds a call takes the slowest member, one figure a round.</summary>
    public async Task<double[]> TimeAsync(int bytes, int rounds, int calls, CancellationToken cancel)
    {
        await SayAsync(string.Create(CultureInfo.InvariantCulture, $"time {bytes} {rounds} {calls}"), cancel);
        var times = await HearAsync("times", TimeSpan.FromMinutes(2), cancel);
        return [.. Enumerable.Range(0, rounds).Select(round => times.Max(member => double.Parse(member[round], CultureInfo.InvariantCulture)))];
    }

    /// <summary>Of members with phases: seconds a round that each computed, waited for the exchange and updated, since the last timing.</summary>
    public async Task<double[][]> PhasesAsync(CancellationToken cancel)
    {
        await SayAsync("phases", cancel);
        var phases = await HearAsync("phases", TimeSpan.FromMinutes(1), cancel);
        return [.. phases.Select(member => member.Select(word => double.Parse(word, CultureInfo.InvariantCulture)).ToArray())];
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var process in _processes)
            process.StandardInput.Close();
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(3));
        foreach (var process in _processes)
        {
            try
            {
                await process.WaitForExitAsync(patience.Token);
            }
            catch (OperationCanceledException)
            {
                process.Kill();
            }

            process.Dispose();
        }
    }

    private void Start(IReadOnlyList<string> commandLine)
    {
        var start = new ProcessStartInfo(commandLine[0], commandLine.Skip(1))
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        start.Environment.TryAdd("DOTNET_gcServer", "0");
        var process = Process.Start(start) ?? throw new FailedException($"{_name}: {commandLine[0]} could not be started.");
        process.StandardInput.AutoFlush = true;
        process.ErrorDataReceived += (_, line) => Remember(line.Data);
        process.BeginErrorReadLine();
        _processes.Add(process);
    }

    private void Remember(string? line)
    {
        if (string.IsNullOrWhiteSpace(line))
            return;
        lock (_errors)
        {
            _errors.Enqueue(line);
            if (_errors.Count > ErrorLinesKept)
                _errors.Dequeue();
        }
    }

    private async Task SayAsync(string line, CancellationToken cancel)
    {
        foreach (var process in _processes)
        {
            try
            {
                await process.StandardInput.WriteLineAsync(line.AsMemory(), cancel);
            }
            catch (IOException)
            {
                throw await EndedAsync(process);
            }
        }
    }

    /// <summary>What every member answers, without the first word, which must be <paramref name="word"/>.</summary>
    private async Task<string[][]> HearAsync(string word, TimeSpan deadline, CancellationToken cancel)
    {
        using var late = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        late.CancelAfter(deadline);
        var answers = _processes.Select(async (process, member) =>
        {
            try
            {
                var words = (await process.StandardOutput.ReadLineAsync(late.Token) ?? throw await EndedAsync(process)).Split(' ');
                return words[0] == word ? words[1..] : throw new FailedException($"{_name}, member {member}: said '{words[0]}' where '{word}' was due.");
            }
            catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
            {
                throw new FailedException([$"{_name}, member {member}: did not say '{word}' within {deadline.TotalSeconds:0} s.", .. Errors()]);
            }
            catch (FailedException)
            {
                await late.CancelAsync(); // the others wait for it in vain
                throw;
            }
        }).ToArray();
        try
        {
            return await Task.WhenAll(answers);
        }
        catch (FailedException)
        {
            // The first cause, not what followed from it.
            var failures = answers.Where(answer => answer.IsFaulted).Select(answer => answer.Exception!.InnerException).OfType<FailedException>();
            throw failures.FirstOrDefault(failure => failure.Message.Contains("ended", StringComparison.Ordinal)) ?? failures.First();
        }
    }

    private async Task<FailedException> EndedAsync(Process process)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(3));
        await process.WaitForExitAsync(patience.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return new FailedException([$"{_name}, member {_processes.IndexOf(process)} ended{(process.HasExited ? $" with exit code {process.ExitCode}" : "")}:", .. Errors()]);
    }

    private string[] Errors()
    {
        lock (_errors)
            return [.. _errors.Select(line => "  " + line)];
    }
}
