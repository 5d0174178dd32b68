using Ganymede.Training;

namespace Ganymede.Tests;

/// <summary>Everything killed without a warning: resuming ends with the same weights. Single nodes: <see cref="ElasticTests"/>.</summary>
public sealed class KilledTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task The_command_and_every_process_killed_at_once_resume_to_the_weights_of_a_quiet_run()
    {
        using var run = new LiveRun(_folder["run"], [], "--nodes", "2", "--checkpoint-every", "5");
        // Checkpoints are written beside the steps: that of step 5 may come after many more of them.
        await run.Until(() => CheckpointFolder.Newest(_folder["run"]).Found is { } found && run.Ledger > found.Info.Step, "a step after a checkpoint");

        await run.KillAll();

        var steps = run.Ledger + 3;
        var resumed = await Run.Quiet(_folder, "run", steps, "--batch", "16", "--nodes", "1", "--resume");
        var quiet = await Run.Quiet(_folder, "quiet", steps, "--batch", "16", "--nodes", "2");
        Assert.Equal(quiet.Weights(), resumed.Weights());
        Assert.Equal(Enumerable.Range(1, steps), Run.Lines(_folder["run/ledger.jsonl"]).Select(line => line.GetProperty("step").GetInt32()));
    }
}
