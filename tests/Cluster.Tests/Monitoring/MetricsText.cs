using System.Globalization;
using System.Text.RegularExpressions;

namespace Ganymede.Tests;

/// <summary>A program's /metrics, in Prometheus' text format.</summary>
internal sealed partial class MetricsText(string text)
{
    private readonly string[] _lines = text.Split('\n');

    /// <summary>Names of all metrics, without the suffixes of a histogram's series.</summary>
    public HashSet<string> Names => [.. _lines.Where(line => line.StartsWith("# TYPE ", StringComparison.Ordinal)).Select(line => line.Split(' ')[2]).Where(name => name != "target_info")];

    /// <summary>Sum of the values of a metric's series that have these labels; null when there is none.</summary>
    public double? Value(string name, params string[] labels)
    {
        var values = _lines.Select(line => Sample().Match(line)).Where(match => match.Groups[1].Value == name && labels.All(label => match.Groups[2].Value.Contains(label, StringComparison.Ordinal)))
            .Select(match => double.Parse(match.Groups[3].Value, CultureInfo.InvariantCulture)).ToArray();
        return values.Length == 0 ? null : values.Sum();
    }

    public static async Task<MetricsText> Read(HttpClient http, string program) => new(await http.GetStringAsync(new Uri($"{program.TrimEnd('/')}/metrics")));

    [GeneratedRegex(@"^([a-zA-Z_:]+)(?:\{(.*)\})? (\S+)")]
    private static partial Regex Sample();
}
