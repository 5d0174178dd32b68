using System.Text.Json;

namespace Ganymede.Tests;

/// <summary>The controller on real processes: what it does is the same however many nodes there are, and everybody is told.</summary>
public sealed class ControllerTests
{
    private const int Half = 5, Steps = 9;

    /// <summary>Of a step that ends with an action: before its sums, and when they are applied.</summary>
    public static TheoryData<string> Deaths() => new(Slow.Or<string[]>(["DUpdate", "GReduce", "GUpdate"], ["GUpdate"]));

    [Theory]
    [MemberData(nameof(Deaths))]
    public async Task Deaths_and_a_resume_while_it_acts_change_nothing_and_each_action_is_told_once(string point)
    {
        using var folder = new TemporaryFolder();
        var quiet = await Run.Submitted(folder, Train("quiet", Steps, nodes: 1, rollBacks: 100));

        var start = Command.StartInfo(folder.Path, Train("run", Half, nodes: 3, rollBacks: 100));
        start.Environment["GANYMEDE_FAULT"] = $"gpu-node-2 {point} 3";
        var finished = await Command.RunAsync(start);
        Assert.True(finished.ExitCode == 0, finished.Error);
        Assert.Equal(2, JsonDocument.Parse(finished.Output).RootElement.GetProperty("nodes").GetInt32());
        var resumed = await Run.Submitted(folder, [.. Train("run", Steps, nodes: 2, rollBacks: 100), "--resume"]);

        Assert.Equal(quiet.Weights(), resumed.Weights());
        var told = Told(folder["quiet/events.jsonl"]);
        // A step with too few images of one class to say how various they are passes for healthy; in most it acts.
        Assert.InRange(told.Length, 4, Steps - 1);
        Assert.Equal(told.Length, told.Select(text => text[..text.IndexOf(':', StringComparison.Ordinal)]).Distinct().Count());
        Assert.Contains("raises the augmentation", told[0], StringComparison.Ordinal);
        Assert.Contains(told, text => text.Contains("goes back to the weights of step ", StringComparison.Ordinal));
        Assert.Equal(told, Told(folder["run/events.jsonl"]));
        var written = Run.Lines(folder["run/metrics.jsonl"]).Where(line => line.TryGetProperty("controller", out _)).ToArray();
        Assert.Equal(told, written.Select(line => line.GetProperty("controller").GetString()));
        var acted = written.Where(line => IsAction(line.GetProperty("controller").GetString()!)).ToArray();
        Assert.All(acted, line => Assert.NotInRange(line.GetProperty("diversity").GetDouble(), 0.999, 1 / 0.999));
        Assert.Equal(0.25, acted[2].GetProperty("discriminatorRate").GetDouble());
    }

    [Fact]
    public async Task At_the_ladder_s_end_all_stop_after_the_same_step_and_the_run_says_why()
    {
        using var folder = new TemporaryFolder();

        var stopped = await Command.RunAsync(Command.StartInfo(folder.Path, Train("run", 50, nodes: 2, rollBacks: 0)));

        Assert.Equal(130, stopped.ExitCode);
        var result = JsonDocument.Parse(stopped.Output).RootElement;
        Assert.True(result.GetProperty("stopped").GetBoolean());
        var told = Told(folder["run/events.jsonl"]);
        Assert.Equal(4, told.Count(IsAction)); // augmentation, R1, rate, stop
        var steps = result.GetProperty("steps").GetInt32();
        Assert.StartsWith($"Controller, step {steps}: ", told[^1], StringComparison.Ordinal);
        Assert.True(Directory.Exists(folder[$"run/checkpoints/step-{steps:D8}"]));
        Assert.Contains($"Stopped after step {steps}: Controller, step {steps}: ", File.ReadAllText(folder["run/events.jsonl"]), StringComparison.Ordinal);
    }

    private static bool IsAction(string text) => !text.Contains("healthy again", StringComparison.Ordinal);

    private static string[] Told(string events) =>
        [.. Run.Lines(events).Where(line => line.GetProperty("kind").GetString() == "state").Select(line => line.GetProperty("text").GetString()!)
            .Where(text => text.StartsWith("Controller, ", StringComparison.Ordinal))];

    private static string[] Train(string name, int steps, int nodes, int rollBacks) =>
    [
        "train", "--set", "generator.width=16", "--set", "discriminator.width=8", "--set", "controller.window=1", "--set", "controller.every=1", "--set", "controller.warmup=1",
        "--set", "controller.patience=1", "--set", "controller.coolDown=0", "--set", "controller.diversity=0.999", "--set", "controller.hysteresis=1", "--set", "controller.signRate=0",
        "--set", "controller.gradientGrowth=0", "--set", $"controller.rollBacks={rollBacks}", "--batch", "16", "--shards", "4",
        "--seed", "7", "--steps", $"{steps}", "--nodes", $"{nodes}", "--out", name, "--json",
    ];
}
