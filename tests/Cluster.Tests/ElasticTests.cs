using System.Text.Json;

namespace Ganymede.Tests;

/// <summary>
/// Nodes that die, stop, come and go while a run trains: it goes on with the survivors and ends with the weights, bit for bit, and
/// the ledger of a quiet run.
/// </summary>
public sealed class ElasticTests(ElasticTests.QuietRun quiet) : IClassFixture<ElasticTests.QuietRun>
{
    private const int Steps = 20;

    /// <summary>The same run on one node, undisturbed.</summary>
    public sealed class QuietRun : IAsyncLifetime
    {
        public string Weights { get; private set; } = "";

        public async ValueTask InitializeAsync()
        {
            using var folder = new TemporaryFolder();
            Weights = (await Run.Reference(folder, "quiet", Steps, "--nodes", "1")).Weights();
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }

    private static readonly string[] Points =
        ["DataLoad 0", "DCompute 7", "DReduce 7", "DUpdate 7", "GCompute 7", "GReduce 7", "GUpdate 9", "GUpdate 19", "Checkpoint 10", "Checkpoint 20"];

    private static readonly string[] FewDeaths = ["gpu-node-1 GUpdate 9", "gpu-node-3 DReduce 7", "gpu-node-2 DataLoad 0"];

    /// <summary>Every place at which a node can die; the checks of every change try a few, the first member among them.</summary>
    public static TheoryData<string> Deaths() => new(Slow.Or(
        from node in Enumerable.Range(1, 3) from point in Points select $"gpu-node-{node} {point}", FewDeaths));

    [Theory]
    [MemberData(nameof(Deaths))]
    public async Task A_node_that_dies_is_done_without_and_the_weights_are_those_of_a_quiet_run(string fault)
    {
        using var folder = new TemporaryFolder();
        var start = Command.StartInfo(folder.Path, "train", "--preset", "cgan-32", "--steps", $"{Steps}", "--shards", "4", "--batch", "64",
            "--seed", "7", "--nodes", "3", "--checkpoint-every", "10", "--out", folder["run"], "--json");
        start.Environment["GANYMEDE_FAULT"] = fault;

        var finished = await Command.RunAsync(start);

        Assert.True(finished.ExitCode == 0, finished.Error);
        var result = JsonDocument.Parse(finished.Output).RootElement;
        Assert.Equal(quiet.Weights, result.Weights());
        var onlyTheLeadDoes = fault.Contains("Checkpoint", StringComparison.Ordinal);
        Assert.Equal(onlyTheLeadDoes && !fault.StartsWith("gpu-node-1", StringComparison.Ordinal) ? 3 : 2, result.GetProperty("nodes").GetInt32());
        RequireWholeLedger(folder["run/ledger.jsonl"]);
        Assert.Equal(["step-00000010", "step-00000020"], Directory.GetDirectories(folder["run/checkpoints"], "step-*").Select(Path.GetFileName).Order());
    }

    /// <summary>Each sample of each step once, in order.</summary>
    private static void RequireWholeLedger(string path)
    {
        var ledger = Run.Lines(path);
        Assert.Equal(Enumerable.Range(1, Steps), ledger.Select(line => line.GetProperty("step").GetInt32()));
        Assert.Equal(Enumerable.Range(0, Steps).Select(step => 64L * step), ledger.Select(line => line.GetProperty("firstSample").GetInt64()));
        Assert.Equal(Enumerable.Range(1, Steps).Select(step => 64L * step - 1), ledger.Select(line => line.GetProperty("lastSample").GetInt64()));
        Assert.All(ledger.Where(line => line.GetProperty("step").GetInt32() % 10 == 0), line => Assert.True(line.TryGetProperty("weights", out _)));
    }
}
