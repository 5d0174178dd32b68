using System.Globalization;

namespace Ganymede.Cli;

/// <summary>How figures are spread.</summary>
/// <param name="Histogram">How many lie below each of <see cref="Edges"/> and not below the one before; the last count is of the rest.</param>
internal sealed record Distribution(string Name, int Count, double Median, double Percentile95, double Most, IReadOnlyList<int> Histogram)
{
    /// <summary>Seconds.</summary>
    public static IReadOnlyList<double> Edges { get; } = [0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 2, 3, 5];

    public static string Head { get; } = string.Create(CultureInfo.InvariantCulture,
        $"{"seconds to the next commit",-18}    n  median    95 %     max   histogram: < {string.Join("  < ", Edges)}  more");

    public static Distribution Of(string name, IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        var histogram = Enumerable.Range(0, Edges.Count + 1)
            .Select(i => sorted.Count(value => (i == Edges.Count || value < Edges[i]) && (i == 0 || value >= Edges[i - 1]))).ToArray();
        return new Distribution(name, sorted.Length, Percentile(sorted, 0.5), Percentile(sorted, 0.95), sorted.LastOrDefault(), histogram);
    }

    /// <summary>The nearest rank: the least value that so many are not above.</summary>
    public static double Percentile(double[] sorted, double part) =>
        sorted.Length == 0 ? 0 : sorted[Math.Clamp((int)Math.Ceiling(part * sorted.Length) - 1, 0, sorted.Length - 1)];

    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"{Name,-26} {Count,4} {Median,7:0.000} {Percentile95,7:0.000} {Most,7:0.000}   {string.Join(" ", Histogram.Select((count, i) => $"{count}".PadLeft(i == 0 ? 15 : 5)))}");
}
