using System.Text.Json;

namespace Ganymede.Tests;

/// <summary>Several updates of the discriminator a step, on real processes: deaths between them, resuming, and the ledger's samples.</summary>
public sealed class CriticStepsTests
{
    private const int Half = 6, Steps = 8, SamplesPerStep = 3 * 16;

    /// <summary>The first of D's updates of a step, the way to the next one, and G's phase.</summary>
    public static TheoryData<string> Deaths() => new(Slow.Or<string[]>(["DCompute", "DReduce", "DUpdate", "GCompute", "GReduce", "GUpdate"], ["DUpdate"]));

    [Theory]
    [MemberData(nameof(Deaths))]
    public async Task A_death_between_the_critic_s_updates_and_a_resume_change_nothing(string point)
    {
        using var folder = new TemporaryFolder();
        var quiet = await Run.Submitted(folder, Train("quiet", Steps, nodes: 1));

        var start = Command.StartInfo(folder.Path, Train("run", Half, nodes: 3));
        start.Environment["GANYMEDE_FAULT"] = $"gpu-node-2 {point} 3";
        var finished = await Command.RunAsync(start);
        Assert.True(finished.ExitCode == 0, finished.Error);
        Assert.Equal(2, JsonDocument.Parse(finished.Output).RootElement.GetProperty("nodes").GetInt32());
        var resumed = await Run.Submitted(folder, [.. Train("run", Steps, nodes: 2), "--resume"]);

        Assert.Equal(quiet.Weights(), resumed.Weights());
        Assert.Equal(Steps * SamplesPerStep, resumed.GetProperty("samplesCommitted").GetInt64());
        var ledger = Run.Lines(folder["run/ledger.jsonl"]);
        Assert.Equal(Enumerable.Range(1, Steps), ledger.Select(line => line.GetProperty("step").GetInt32()));
        Assert.Equal(Enumerable.Range(0, Steps).Select(step => (long)step * SamplesPerStep), ledger.Select(line => line.GetProperty("firstSample").GetInt64()));
        Assert.Equal(Enumerable.Range(1, Steps).Select(step => (long)step * SamplesPerStep - 1), ledger.Select(line => line.GetProperty("lastSample").GetInt64()));
    }

    private static string[] Train(string name, int steps, int nodes) =>
    [
        "train", "--preset", "wgan-gp-32", "--set", "criticSteps=3", "--set", "generator.width=16", "--set", "discriminator.width=8", "--batch", "16", "--shards", "4",
        "--seed", "7", "--steps", $"{steps}", "--nodes", $"{nodes}", "--out", name, "--json",
    ];
}
