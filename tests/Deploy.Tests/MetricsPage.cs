namespace Ganymede.Tests;

/// <summary>A row of the tables in docs/metrics.md.</summary>
internal sealed record MetricsRow(string Instrument, string Prometheus, string Kind, string Unit);

/// <summary>docs/metrics.md, read as what it promises.</summary>
internal static class MetricsPage
{
    public static IReadOnlyList<MetricsRow> Rows { get; } =
    [
        .. File.ReadLines(Repository.File("docs", "metrics.md"))
            .Where(line => line.StartsWith("| `ganymede.", StringComparison.Ordinal))
            .Select(line => line.Split('|', StringSplitOptions.TrimEntries))
            .Select(cells => new MetricsRow(cells[1].Trim('`'), cells[2].Trim('`'), cells[3], cells[4].Trim('`'))),
    ];
}
