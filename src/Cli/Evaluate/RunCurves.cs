using System.Text.Json;
using Ganymede.Training.Metrics;

namespace Ganymede.Cli;

/// <summary>What there is to plot of a run: its <c>metrics.jsonl</c>, and the figures of its checkpoints.</summary>
internal static class RunCurves
{
    public static IReadOnlyList<LineChart> Of(string folder, IReadOnlyList<CheckpointFigures> checkpoints)
    {
        var lines = Read(Path.Combine(folder, "metrics.jsonl"));
        ChartLine Logged(string name, string figure) => new(name, [.. lines.Where(line => line.ContainsKey(figure)).Select(line => (line["step"], line[figure]))]);
        ChartLine Judged(string name, Func<QualityFigures, double> figure) => new(name, [.. checkpoints.Select(one => ((double)one.Step, figure(one.Quality)))]);
        var sample = checkpoints.Count == 0 ? "" : $" ({Figures.Count(checkpoints[0].Images)} images)"; // as many for each
        LineChart[] charts =
        [
            new("Losses", [Logged("discriminator", "discriminatorLoss"), Logged("generator", "generatorLoss")]),
            new("Discriminator", [Logged("real images right", "realAccuracy"), Logged("generated images right", "fakeAccuracy")]),
            new("Speed, images a second", [Logged("images a second", "imagesPerSecond")]),
            new("Seconds a step", [Logged("compute", "computeSeconds"), Logged("exposed communication", "exposedCommunicationSeconds"), Logged("optimizer", "optimizerSeconds")]),
            new("FID of checkpoints" + sample, [Judged("FID", quality => quality.Fid)]),
            new("KID of checkpoints" + sample, [Judged("KID", quality => quality.Kid.Value)]),
            new("Variety of checkpoints", [Judged("coverage", quality => quality.Manifold.Coverage), Judged("precision", quality => quality.Manifold.Precision), Judged("diversity ratio", quality => quality.Diversity)]),
        ];
        return [.. charts.Where(chart => chart.Lines.Any(line => line.Points.Count(point => double.IsFinite(point.Y)) > 1))];
    }

    /// <summary>The numbers of each line that has a step; a torn or foreign line is passed over.</summary>
    private static List<Dictionary<string, double>> Read(string path)
    {
        var lines = new List<Dictionary<string, double>>();
        if (!File.Exists(path))
            return lines;
        foreach (var text in File.ReadLines(path))
        {
            try
            {
                using var json = JsonDocument.Parse(text);
                var numbers = json.RootElement.EnumerateObject().Where(figure => figure.Value.ValueKind == JsonValueKind.Number)
                    .ToDictionary(figure => figure.Name, figure => figure.Value.GetDouble());
                if (numbers.ContainsKey("step"))
                    lines.Add(numbers);
            }
            catch (Exception error) when (error is JsonException or InvalidOperationException or ArgumentException)
            {
                continue;
            }
        }

        return lines;
    }
}
