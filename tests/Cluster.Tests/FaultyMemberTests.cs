using System.Text.Json;

namespace Ganymede.Tests;

/// <summary>Members that live and are wrong: weights that differ, gradients that are not finite.</summary>
public sealed class FaultyMemberTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_replica_of_which_a_bit_flips_is_named_evicted_and_comes_back_with_the_others_weights()
    {
        using var run = new LiveRun(_folder["run"], ["GANYMEDE_FAULT=gpu-node-2 Weights 7"], "--nodes", "3");
        await run.Until(() => run.Said("Evicted ") is not null, "an eviction");
        await run.Until(() => run.Said("joining: gpu-node-2") is not null, "the return of the node");
        var steps = run.Ledger;
        await run.Until(() => run.Ledger > steps + 11, "a comparison of weights since then");
        await run.KillAll();

        // Weights are compared every ten steps: the bit that flips before the eighth is seen after the tenth.
        var evicted = run.Said("Evicted ")!;
        Assert.Contains("Evicted gpu-node-2", evicted, StringComparison.Ordinal);
        Assert.Contains("step 10, phase 1", evicted, StringComparison.Ordinal);
        Assert.Contains("has diverged: fingerprints are", evicted, StringComparison.Ordinal);
        Assert.Equal(1, run.Times("Evicted ")); // weights were compared again, and were alike
    }

    [Fact]
    public async Task Gradients_that_are_not_finite_in_three_steps_in_a_row_stop_the_run_which_names_its_last_checkpoint()
    {
        var start = Command.StartInfo(_folder.Path, "train", "--preset", "cgan-32", "--steps", "40", "--shards", "4", "--batch", "16", "--seed", "7",
            "--nodes", "3", "--checkpoint-every", "5", "--out", _folder["run"], "--json");
        start.Environment["GANYMEDE_FAULT"] = "gpu-node-2 Gradient 11-99";

        var finished = await Command.RunAsync(start);

        Assert.Equal(1, finished.ExitCode);
        Assert.Contains("in 3 steps in a row, the last of them step 14; none of them changed the weights. The newest checkpoint is of step 10.", finished.Error, StringComparison.Ordinal);
        if (!Slow.IsOn)
            return;
        var resumed = await Run.Quiet(_folder, "run", 12, "--batch", "16", "--nodes", "2", "--resume");
        var quiet = await Run.Quiet(_folder, "quiet", 12, "--batch", "16", "--nodes", "2");
        Assert.Equal(quiet.Weights(), resumed.Weights());
    }

    [Fact]
    public async Task A_gradient_that_is_not_finite_skips_the_step_on_all_members_alike()
    {
        if (!Slow.IsOn)
            Assert.Skip("set GANYMEDE_SLOW_TESTS=1");

        var three = await Weights("three", "gpu-node-2 Gradient 3", "3");
        var one = await Weights("one", "gpu-node-1 Gradient 3", "1");
        var quiet = await Run.Quiet(_folder, "quiet", 8, "--batch", "16", "--nodes", "1");

        Assert.Equal(one, three);
        Assert.NotEqual(quiet.Weights(), three);
    }

    private async Task<string> Weights(string name, string fault, string nodes)
    {
        var start = Command.StartInfo(_folder.Path, "train", "--preset", "cgan-32", "--steps", "8", "--shards", "4", "--batch", "16", "--seed", "7",
            "--nodes", nodes, "--out", _folder[name], "--json");
        start.Environment["GANYMEDE_FAULT"] = fault;
        var finished = await Command.RunAsync(start);
        Assert.True(finished.ExitCode == 0, finished.Error);
        Assert.Equal(8, Run.Lines(_folder[$"{name}/ledger.jsonl"]).Length);
        return JsonDocument.Parse(finished.Output).RootElement.Weights();
    }
}
