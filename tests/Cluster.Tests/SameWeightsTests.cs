namespace Ganymede.Tests;

/// <summary>The promise: the same weights bit for bit, however many nodes and replicas there are, interrupted or not.</summary>
public sealed class SameWeightsTests(SameWeightsTests.ReferenceRun reference) : IClassFixture<SameWeightsTests.ReferenceRun>
{
    private const int Steps = 20;

    /// <summary>Twenty steps on one node.</summary>
    public sealed class ReferenceRun : IAsyncLifetime
    {
        internal TemporaryFolder Folder { get; } = new();
        public string Weights { get; private set; } = "";

        public async ValueTask InitializeAsync() => Weights = (await Run.Reference(Folder, "reference", Steps, "--nodes", "1")).Weights();

        public ValueTask DisposeAsync()
        {
            Folder.Dispose();
            return ValueTask.CompletedTask;
        }
    }

    [Theory]
    [InlineData("3")]
    [InlineData("4")]
    public async Task Any_number_of_nodes_ends_with_the_weights_of_one(string nodes)
    {
        using var folder = new TemporaryFolder();

        var result = await Run.Quiet(folder, "run", Steps, "--nodes", nodes);

        Assert.Equal(reference.Weights, result.Weights());
        Assert.Equal(int.Parse(nodes, System.Globalization.CultureInfo.InvariantCulture), result.GetProperty("nodes").GetInt32());
        Assert.Equal(Steps * 64, result.GetProperty("samplesCommitted").GetInt64());
    }

    [Theory]
    [InlineData("3", "cpu", "off", "Doubling")]
    [InlineData("1", "cpu,cpu", "on", "Auto")]
    public async Task Replicas_overlap_and_the_algorithm_of_the_sum_change_no_weight(string nodes, string devices, string overlap, string algorithm)
    {
        using var folder = new TemporaryFolder();

        var result = await Run.Reference(
            folder, "run", Steps, ("GANYMEDE__Node__Algorithm", algorithm), "--nodes", nodes, "--devices", devices, "--overlap", overlap);

        Assert.Equal(reference.Weights, result.Weights());
        Assert.Equal(Steps * 64, result.GetProperty("samplesCommitted").GetInt64());
    }

    [Fact]
    public async Task Another_seed_ends_with_other_weights()
    {
        using var folder = new TemporaryFolder();

        Assert.NotEqual(reference.Weights, (await Run.Quiet(folder, "run", Steps, "--nodes", "1", "--seed", "8")).Weights());
    }

    [Fact]
    public async Task Ten_steps_and_a_resume_on_another_number_of_nodes_end_with_the_weights_of_twenty()
    {
        using var folder = new TemporaryFolder();

        var half = await Run.Quiet(folder, "run", Steps / 2, "--nodes", "2");
        var whole = await Run.Quiet(folder, "run", Steps, "--nodes", "1", "--resume");

        Assert.NotEqual(reference.Weights, half.Weights());
        Assert.Equal(reference.Weights, whole.Weights());
        var ledger = Run.Lines(folder["run/ledger.jsonl"]);
        Assert.Equal(Enumerable.Range(1, Steps), ledger.Select(line => line.GetProperty("step").GetInt32()));
        Assert.Equal(ledger.Select(line => (line.GetProperty("step").GetInt64() - 1) * 64), ledger.Select(line => line.GetProperty("firstSample").GetInt64()));
        Assert.Equal(ledger.Select(line => line.GetProperty("step").GetInt64() * 64 - 1), ledger.Select(line => line.GetProperty("lastSample").GetInt64()));
        Assert.Equal((1, 2), (ledger[0].GetProperty("view").GetInt64(), ledger[^1].GetProperty("view").GetInt64())); // numbered through, so the ledger is whole to whoever checks it
        Assert.Equal(
            Run.Lines(Path.Combine(reference.Folder["reference"], "ledger.jsonl"))[^1].GetProperty("weights").GetString(),
            ledger[^1].GetProperty("weights").GetString());
    }

    [Fact]
    public async Task Ctrl_C_stops_after_the_step_in_hand_with_a_checkpoint_from_which_resuming_ends_with_the_same_weights()
    {
        using var folder = new TemporaryFolder();
        var start = Command.StartInfo(folder.Path, "train", "--preset", "cgan-32", "--steps", "100000", "--shards", "4", "--batch", "16", "--seed", "7",
            "--nodes", "2", "--out", folder["run"]);
        start.RedirectStandardError = start.RedirectStandardOutput = true;
        using var command = System.Diagnostics.Process.Start(start)!;
        var (output, error) = (command.StandardOutput.ReadToEndAsync(), command.StandardError.ReadToEndAsync());
        await Command.Until(() => LedgerLines() >= 3 || command.HasExited, TimeSpan.FromSeconds(120), "the third step");

        Command.Signal(command.Id, 2);

        await command.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(60));
        Assert.True(command.ExitCode == 130, $"exit code {command.ExitCode}\n{await output}\n{await error}");
        var stoppedAt = LedgerLines();
        Assert.InRange(stoppedAt, 3, 99_999);
        var steps = stoppedAt + 5;
        var resumed = await Run.Quiet(folder, "run", steps, "--batch", "16", "--nodes", "1", "--resume");
        Assert.Equal((await Run.Quiet(folder, "quiet", steps, "--batch", "16", "--nodes", "2")).Weights(), resumed.Weights());

        int LedgerLines() => File.Exists(folder["run/ledger.jsonl"]) ? File.ReadLines(folder["run/ledger.jsonl"]).Count() : 0;
    }
}
