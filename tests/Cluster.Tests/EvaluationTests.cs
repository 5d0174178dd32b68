using System.Text.Json;
using System.Text.RegularExpressions;

namespace Ganymede.Tests;

/// <summary>Judging a run's images: a trained folder goes in, figures and a page come out.</summary>
[Collection(GenerationTests.TrainedRun.Collection)]
public sealed partial class EvaluationTests(GenerationTests.TrainedRun trained)
{
    [Fact]
    public async Task Writes_figures_between_floor_and_ceiling_and_a_page_and_again_the_same_ones()
    {
        var first = await Evaluate("--checkpoint", "3");
        var second = await Evaluate();

        var result = first.GetProperty("result");
        Assert.Equal(3, first.GetProperty("step").GetInt64());
        Assert.Equal(120, result.GetProperty("images").GetInt32());
        Assert.InRange(result.GetProperty("probe").GetProperty("accuracy").GetDouble(), 0.4, 1);
        var fid = result.GetProperty("fid");
        Assert.True(fid.GetProperty("floor").GetDouble() < fid.GetProperty("value").GetDouble()); // after three steps nothing is like a garment
        Assert.True(fid.GetProperty("floor").GetDouble() < fid.GetProperty("ceiling").GetDouble());
        Assert.True(result.GetProperty("accuracyScore").GetProperty("real").GetDouble() > result.GetProperty("accuracyScore").GetProperty("generated").GetDouble());
        Assert.Equal(10, result.GetProperty("classes").GetArrayLength());
        var glance = Assert.Single(result.GetProperty("checkpoints").EnumerateArray());
        Assert.Equal((3, 120), (glance.GetProperty("step").GetInt64(), glance.GetProperty("images").GetInt32()));

        // The second one had the probe from the cache: the same figures all the same, and the file holds them.
        Assert.False(result.GetProperty("probe").GetProperty("fromCache").GetBoolean());
        Assert.True(second.GetProperty("result").GetProperty("probe").GetProperty("fromCache").GetBoolean());
        Assert.Equal(Figures(first), Figures(second));
        Assert.Equal(Figures(second), Figures(JsonDocument.Parse(await File.ReadAllTextAsync(trained.Folder["run/evaluation.json"])).RootElement));

        var page = await File.ReadAllTextAsync(trained.Folder["run/evaluation.html"]);
        foreach (var heading in new[] { "Figures", "Classes", "Curves", "Samples", "Nearest training images", "Interpolations" })
            Assert.True(heading == "Curves" || page.Contains($">{heading}</h2>", StringComparison.Ordinal), heading); // three steps make no curve
        Assert.DoesNotMatch(External(), page);
        Assert.All(Image().Matches(page), image => Assert.Matches("alt=\"[^\"]{10,}\"", image.Value));
    }

    [Fact]
    public void The_run_has_left_events_for_TensorBoard_and_lines_with_times()
    {
        Assert.NotEmpty(Directory.GetFiles(trained.Folder["run/tensorboard"], "events.out.tfevents.*"));
        var line = Assert.Single(Run.Lines(trained.Folder["run/metrics.jsonl"]));
        Assert.InRange(line.GetProperty("time").GetDateTimeOffset(), DateTimeOffset.UtcNow.AddMinutes(-30), DateTimeOffset.UtcNow);
        Assert.InRange(line.GetProperty("signRate").GetDouble(), -1, 1);
    }

    [Theory]
    [InlineData("--run missing", "--run missing: there is no such folder")]
    [InlineData("--run run --checkpoint 77", "--checkpoint 77: the run has none of this step. It has: 3.")]
    [InlineData("--run run --data nowhere", "--data nowhere: no such data set")]
    [InlineData("--run run --count 3", "--count 3: a whole number from 16")]
    public async Task Bad_input_is_named(string arguments, string expected)
    {
        var finished = await Command.Ganymede(trained.Folder.Path, ["evaluate", .. arguments.Split(' ')]);

        Assert.Equal(2, finished.ExitCode);
        Assert.Contains(expected, finished.Error, StringComparison.Ordinal);
        Assert.Single(finished.ErrorLines, line => line.StartsWith("ganymede: ", StringComparison.Ordinal) && line.Contains(expected, StringComparison.Ordinal));
    }

    private async Task<JsonElement> Evaluate(params string[] more)
    {
        var start = Command.StartInfo(trained.Folder.Path, ["evaluate", "--run", "run", "--count", "120", "--updates", "60", "--threads", "1", "--json", .. more]);
        start.Environment["XDG_CACHE_HOME"] = trained.Folder["cache"];
        var finished = await Command.RunAsync(start);
        Assert.True(finished.ExitCode == 0, finished.Error);
        return JsonDocument.Parse(finished.Output).RootElement;
    }

    private static string Figures(JsonElement document) => FromCache().Replace(document.GetProperty("result").GetRawText().Replace(" ", "").Replace("\n", ""), "");

    [GeneratedRegex("\"fromCache\":(true|false)")]
    private static partial Regex FromCache();

    [GeneratedRegex("""(src|href)="(?!data:)|@import|url\(""")]
    private static partial Regex External();

    [GeneratedRegex("<img[^>]*>")]
    private static partial Regex Image();
}
