using System.Globalization;
using Ganymede.Training;

namespace Ganymede.Tests;

/// <summary>Checkpoints in whose writing everything died, or that were altered since.</summary>
public sealed class TornCheckpointTests : IDisposable
{
    private const int Every = 2;

    private static readonly string[] Resume = ["--resume"];

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Everything_killed_while_a_checkpoint_is_written_resumes_from_a_valid_one_every_time()
    {
        if (!Slow.IsOn)
            Assert.Skip("set GANYMEDE_SLOW_TESTS=1");
        const int times = 50;
        long newest = 0;
        for (var time = 0; time < times; time++)
        {
            // One checkpoint is written whole; the next one's writing dies, sooner or later in it.
            var hit = _folder["order.hit"];
            File.Delete(hit);
            var milliseconds = (60 * time / times).ToString(CultureInfo.InvariantCulture);
            await File.WriteAllTextAsync(_folder["order"], $"* Checkpoint {newest + (2 * Every)} {milliseconds}");
            using var run = new LiveRun(_folder["run"], [$"GANYMEDE_FAULT_FILE={_folder["order"]}"],
                ["--nodes", $"{1 + (time % 2)}", "--checkpoint-every", $"{Every}", "--sample-every", "0", .. newest > 0 ? Resume : []]);
            await run.Until(() => File.Exists(hit), "the death of the one that writes");
            await run.KillAll();

            var found = CheckpointFolder.Newest(_folder["run"]);
            Assert.Empty(found.Skipped); // what bears the name of a checkpoint is whole
            var step = found.Found?.Info.Step ?? 0;
            Assert.True(step > newest, $"time {time}: the newest checkpoint is of step {step}, and was of step {newest} before");
            newest = step;
        }

        await RequireTheQuietRunsEnd((int)newest + 3);
    }

    [Fact]
    public async Task A_checkpoint_with_a_flipped_byte_is_passed_over_for_the_one_before_and_that_is_said()
    {
        await Run.Quiet(_folder, "run", 6, "--batch", "16", "--nodes", "1", "--checkpoint-every", $"{Every}");
        var altered = Directory.GetFiles(_folder["run/checkpoints/step-00000006"], "generator.safetensors").Single();
        using (var file = File.Open(altered, FileMode.Open))
        {
            file.Position = file.Length / 2;
            var one = file.ReadByte();
            file.Position = file.Length / 2;
            file.WriteByte((byte)(one ^ 1));
        }

        var resumed = await Command.Ganymede(_folder.Path, ["train", "--out", _folder["run"], "--steps", "8", "--resume", "--nodes", "1", "--json", .. await StandingCluster.Options()]);

        Assert.True(resumed.ExitCode == 0, resumed.Error);
        Assert.Contains($"Going on from the checkpoint of step 4, as newer ones are not valid: {altered} was altered", resumed.Error, StringComparison.Ordinal);
        if (Slow.IsOn)
            await RequireTheQuietRunsEnd(9);
    }

    private async Task RequireTheQuietRunsEnd(int steps)
    {
        var resumed = await Run.Quiet(_folder, "run", steps, "--batch", "16", "--nodes", "2", "--resume");
        var quiet = await Run.Quiet(_folder, "quiet", steps, "--batch", "16", "--nodes", "2");

        Assert.Equal(quiet.Weights(), resumed.Weights());
        Assert.Equal(Enumerable.Range(1, steps), Run.Lines(_folder["run/ledger.jsonl"]).Select(line => line.GetProperty("step").GetInt32()));
    }
}
