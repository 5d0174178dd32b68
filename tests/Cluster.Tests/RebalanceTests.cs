using System.Diagnostics;
using System.Text.Json;

namespace Ganymede.Tests;

/// <summary>A node that is slowed down loses shards to the others while it trains, and the weights do not show it.</summary>
public sealed class RebalanceTests
{
    private const int Sigcont = 18, Sigstop = 19;

    [Fact]
    public async Task A_node_at_a_third_of_its_speed_loses_shards_and_the_weights_are_those_of_a_quiet_run()
    {
        using var folder = new TemporaryFolder();
        string[] job = ["train", "--preset", "cgan-32", "--batch", "16", "--shards", "8", "--seed", "7", "--sample-every", "0"];
        var start = Command.StartInfo(folder.Path, [.. job, "--steps", "100000", "--nodes", "2", "--out", folder["run"], "--json"]);
        start.RedirectStandardError = start.RedirectStandardOutput = true;
        using var command = Process.Start(start)!;
        var (output, error) = (command.StandardOutput.ReadToEndAsync(), command.StandardError.ReadToEndAsync());
        await Until(() => Ledger().Length >= 1, "the first step");
        var slow = JsonSerializer.Deserialize<Entry[]>(File.ReadAllText(folder["run/cluster.json"]), JsonSerializerOptions.Web)!.Where(entry => entry.Role == "gpu-node").ElementAt(1).Pid;

        using (var throttle = new Throttle(slow))
        {
            await Until(() => Reason() is not null, "shards that move");
            var then = Ledger().Length;
            await Until(() => Ledger().Length >= then + 3, "steps with the new ownership");
        }

        Command.Signal(command.Id, 2);
        await command.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(60));

        Assert.True(command.ExitCode == 130, $"exit code {command.ExitCode}\n{await error}");
        Assert.Matches(@"gpu-node-2\S* takes [0-9.]+ times as long for a shard as gpu-node-1\S*, [0-9.]+ ms: 4,4 → [567],[123] shards\)", Reason()!);
        var end = JsonDocument.Parse(await output).RootElement;
        var steps = end.GetProperty("steps").GetInt32();
        Assert.Equal((await Run.Submitted(folder, [.. job, "--steps", $"{steps}", "--nodes", "2", "--out", folder["quiet"], "--json"])).Weights(), end.Weights());

        var ledger = Run.Lines(folder["run/ledger.jsonl"]);
        Assert.Equal(Enumerable.Range(1, steps), ledger.Select(line => line.GetProperty("step").GetInt32()));
        Assert.Contains(ledger, line => line.GetProperty("view").GetInt64() == 2);
        Assert.Contains("takes", (await Command.Ganymede(folder.Path, "explain", "--run", folder["run"])).Output, StringComparison.Ordinal);

        string[] Ledger() => File.Exists(folder["run/ledger.jsonl"]) ? [.. File.ReadLines(folder["run/ledger.jsonl"])] : [];

        string? Reason() => File.ReadLines(folder["run/events.jsonl"])
            .Where(line => line.Contains("as long for a shard", StringComparison.Ordinal) && line.EndsWith('}')) // one that is just being written does not
            .Select(line => JsonDocument.Parse(line).RootElement.GetProperty("text").GetString()!).FirstOrDefault();

        async Task Until(Func<bool> condition, string what)
        {
            await Command.Until(() => command.HasExited || condition(), TimeSpan.FromSeconds(90), what);
            Assert.False(command.HasExited, command.HasExited ? $"ended before {what}: {await error}" : "");
        }
    }

    /// <summary>Lets a process run a third of the time, in turns far shorter than any deadline, until it is disposed.</summary>
    private sealed class Throttle : IDisposable
    {
        private readonly Thread _thread;
        private volatile bool _isOver;

        public Throttle(int pid)
        {
            _thread = new Thread(() =>
            {
                try
                {
                    while (!_isOver)
                    {
                        Command.Signal(pid, Sigstop);
                        Thread.Sleep(20);
                        Command.Signal(pid, Sigcont);
                        Thread.Sleep(10);
                    }
                }
                catch (Xunit.Sdk.XunitException)
                {
                    // The process is gone; the test sees it by the command's end.
                }
            }) { IsBackground = true };
            _thread.Start();
        }

        public void Dispose()
        {
            _isOver = true;
            _thread.Join();
        }
    }

    private sealed record Entry(string Role, int Pid);
}
