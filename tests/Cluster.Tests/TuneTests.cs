using System.Text.Json;

namespace Ganymede.Tests;

/// <summary>A search with real runs on two nodes.</summary>
public sealed class TuneTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Trials_train_side_by_side_and_the_best_beside_the_unchanged_one_to_the_end()
    {
        string[] search = ["tune", "--set", "batch=8", "--search", "generatorOptimizer.learningRate=1e-4..1e-3", "--trials", "2", "--factor", "2", "--first-steps", "3", "--steps", "6", "--budget", "10m",
            "--images", "32", "--updates", "20", "--out", "search", "--nodes", "2", "--json"];
        var record = await Run.Submitted(_folder, search);

        var rungs = record.GetProperty("rungs").EnumerateArray().ToArray();
        Assert.Equal((2, 3L, 3), (rungs.Length, rungs[0].GetProperty("steps").GetInt64(), rungs[0].GetProperty("trials").GetArrayLength()));
        Assert.Equal((6L, 2), (rungs[1].GetProperty("steps").GetInt64(), rungs[1].GetProperty("trials").GetArrayLength()));
        foreach (var rung in rungs)
        {
            Assert.Empty(rung.GetProperty("trials")[0].GetProperty("set").EnumerateArray());
            Assert.All(rung.GetProperty("trials").EnumerateArray(), trial =>
            {
                Assert.Equal(rung.GetProperty("steps").GetInt64(), trial.GetProperty("step").GetInt64());
                Assert.InRange(trial.GetProperty("kid").GetProperty("value").GetDouble(), 1e-9, 1e9);
            });
        }

        // Two at a time, on a node each.
        var (first, second) = (Times("00"), Times("01"));
        Assert.True(first.From < second.To && second.From < first.To, $"{first} and {second} were one after the other");
        Assert.NotEqual(first.Members, second.Members);

        var preset = JsonDocument.Parse(await File.ReadAllTextAsync(_folder["search/best.json"])).RootElement;
        Assert.Equal(8, preset.GetProperty("batch").GetInt32());

        // All is there: it is told again, and nothing is done.
        var again = await Run.Submitted(_folder, search);
        Assert.Equal(record.GetRawText(), again.GetRawText());
        var other = await Command.Ganymede(_folder.Path, [.. search, "--seed", "7"]);
        Assert.Equal(2, other.ExitCode);
        Assert.Contains("another search was begun there", other.Error, StringComparison.Ordinal);
    }

    /// <summary>Of a trial's first rung, and who trained it.</summary>
    private (DateTimeOffset From, DateTimeOffset To, string Members) Times(string trial)
    {
        var events = Run.Lines(_folder[$"search/trials/{trial}/events.jsonl"]);
        var end = Array.FindIndex(events, happened => happened.GetProperty("kind").GetString() == "finished");
        var ready = events.First(happened => happened.GetProperty("text").GetString()!.StartsWith("Preparing ", StringComparison.Ordinal));
        return (ready.GetProperty("time").GetDateTimeOffset(), events[end].GetProperty("time").GetDateTimeOffset(), ready.GetProperty("text").GetString()!);
    }
}
