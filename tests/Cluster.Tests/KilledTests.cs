using System.Diagnostics;
using System.Text.Json;

namespace Ganymede.Tests;

/// <summary>Everything killed without a warning: resuming ends with the same weights. Single nodes: <see cref="ElasticTests"/>.</summary>
public sealed class KilledTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task The_command_and_every_process_killed_at_once_resume_to_the_weights_of_a_quiet_run()
    {
        using var command = Start();
        var (output, error) = (command.StandardOutput.ReadToEndAsync(), command.StandardError.ReadToEndAsync());
        await Command.Until(() => Ledger() >= 7 || command.HasExited, TimeSpan.FromSeconds(120), "the seventh step");
        var entries = Entries();

        Command.Signal(command.Id, 9);
        foreach (var entry in entries)
            Command.Signal(entry.Pid, 9);

        await Task.WhenAll(output, error);
        await Command.Until(() => !entries.Any(entry => Command.IsAlive(entry.Pid)), TimeSpan.FromSeconds(10), "the end of every process");
        await RequireSameEnd();
    }

    private Process Start()
    {
        var start = Command.StartInfo(_folder.Path, "train", "--preset", "cgan-32", "--steps", "100000", "--shards", "4", "--batch", "16", "--seed", "7",
            "--nodes", "2", "--checkpoint-every", "5", "--out", _folder["run"]);
        start.RedirectStandardError = start.RedirectStandardOutput = true;
        return Process.Start(start)!;
    }

    private async Task RequireSameEnd()
    {
        var steps = Ledger() + 3;
        var resumed = await Run.Quiet(_folder, "run", steps, "--batch", "16", "--nodes", "1", "--resume");
        var quiet = await Run.Quiet(_folder, "quiet", steps, "--batch", "16", "--nodes", "2");

        Assert.Equal(quiet.Weights(), resumed.Weights());
        Assert.Equal(Enumerable.Range(1, steps), Run.Lines(_folder["run/ledger.jsonl"]).Select(line => line.GetProperty("step").GetInt32()));
    }

    private int Ledger() => File.Exists(_folder["run/ledger.jsonl"]) ? File.ReadLines(_folder["run/ledger.jsonl"]).Count() : 0;

    private Entry[] Entries() => JsonSerializer.Deserialize<Entry[]>(File.ReadAllText(_folder["run/cluster.json"]), JsonSerializerOptions.Web)!;

    private sealed record Entry(string Role, int Pid);
}
