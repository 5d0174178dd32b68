using System.Diagnostics;
using System.Text.Json;

namespace Ganymede.Tests;

/// <summary>A training command that goes on until it is told to stop, and what can be seen of it meanwhile.</summary>
internal sealed class LiveRun : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(150);

    private readonly Process _command;
    private readonly Task<string> _output, _error;
    private readonly string _folder;

    /// <param name="folder">The run's folder.</param>
    /// <param name="variables">NAME=VALUE, for the command and its processes.</param>
    public LiveRun(string folder, string[] variables, params string[] more)
    {
        _folder = folder;
        var start = Command.StartInfo(Path.GetDirectoryName(folder)!, ["train", "--preset", "cgan-32", "--steps", "100000", "--shards", "4", "--batch", "16",
            "--seed", "7", "--out", folder, "--json", .. more]);
        start.RedirectStandardError = start.RedirectStandardOutput = true;
        foreach (var variable in variables)
            start.Environment[variable.Split('=')[0]] = variable.Split('=', 2)[1];
        _command = Process.Start(start)!;
        (_output, _error) = (_command.StandardOutput.ReadToEndAsync(), _command.StandardError.ReadToEndAsync());
    }

    public int Ledger => File.Exists(Path.Combine(_folder, "ledger.jsonl")) ? File.ReadLines(Path.Combine(_folder, "ledger.jsonl")).Count() : 0;

    /// <summary>The cluster's processes, each in its newest life.</summary>
    public Entry[] Entries => JsonSerializer.Deserialize<Entry[]>(File.ReadAllText(Path.Combine(_folder, "cluster.json")), JsonSerializerOptions.Web)!;

    /// <summary>The event, if there was one that says so.</summary>
    public string? Said(string what) =>
        File.Exists(Path.Combine(_folder, "events.jsonl")) ? File.ReadLines(Path.Combine(_folder, "events.jsonl")).FirstOrDefault(line => line.Contains(what, StringComparison.Ordinal)) : null;

    /// <summary>How many events say so.</summary>
    public int Times(string what) => File.ReadLines(Path.Combine(_folder, "events.jsonl")).Count(line => line.Contains(what, StringComparison.Ordinal));

    /// <summary>All events so far; one that is half written is none.</summary>
    public JsonElement[] Events()
    {
        var file = Path.Combine(_folder, "events.jsonl");
        if (!File.Exists(file))
            return [];
        var text = File.ReadAllText(file);
        return [.. text[..(text.LastIndexOf('\n') + 1)].Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonDocument.Parse(line).RootElement)];
    }

    public async Task Until(Func<bool> condition, string what, TimeSpan? patience = null)
    {
        await Command.Until(() => condition() || _command.HasExited, patience ?? Patience, what);
        Assert.False(_command.HasExited && !condition(), _command.HasExited ? $"ended before {what}: {await _error}" : "");
    }

    /// <summary>The command first, which would end the others in good order.</summary>
    public async Task KillAll()
    {
        int[] pids = [.. Entries.Select(entry => entry.Pid)];
        foreach (var pid in pids.Prepend(_command.Id).Where(Command.IsAlive))
            _ = Command.TrySignal(pid, 9);
        await Task.WhenAll(_output, _error);
        await Command.Until(() => !pids.Any(Command.IsAlive), TimeSpan.FromSeconds(10), "the end of every process");
    }

    public void Dispose()
    {
        if (!_command.HasExited)
            _command.Kill(entireProcessTree: true);
        _command.Dispose();
    }

    public sealed record Entry(string Role, int Pid, Uri Http);
}
