using System.Diagnostics.Metrics;
using System.Reflection;
using System.Runtime.CompilerServices;

namespace Ganymede.Tests;

/// <summary>docs/metrics.md and the instruments in the code are the same list.</summary>
public sealed class MetricsPageTests
{
    [Fact]
    public void Every_instrument_is_documented_with_its_kind_and_unit_and_every_documented_one_exists()
    {
        var published = Published().DistinctBy(row => row.Instrument).OrderBy(row => row.Instrument, StringComparer.Ordinal);

        Assert.Equal(published, MetricsPage.Rows.DistinctBy(row => row.Instrument).OrderBy(row => row.Instrument, StringComparer.Ordinal));
    }

    private static List<MetricsRow> Published()
    {
        List<MetricsRow> rows = [];
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, _) =>
            {
                if (instrument.Meter.Name.StartsWith("Ganymede.", StringComparison.Ordinal))
                    rows.Add(new MetricsRow(instrument.Name, PrometheusName(instrument), Kind(instrument), instrument.Unit ?? ""));
            },
        };
        listener.Start();
        foreach (var (assembly, type) in new[] { ("Messages", "Messages.ClusterTelemetry"), ("Coordinator", "Coordinator.Telemetry"), ("GpuNode", "GpuNode.Telemetry") })
            RuntimeHelpers.RunClassConstructor(Assembly.Load("Ganymede." + assembly).GetType("Ganymede." + type, throwOnError: true)!.TypeHandle);
        return rows;
    }

    private static string Kind(Instrument instrument)
    {
        var type = instrument.GetType().Name;
        return type.Contains("Histogram", StringComparison.Ordinal) ? "histogram" : type.Contains("Counter", StringComparison.Ordinal) ? "counter" : "gauge";
    }

    /// <summary>OpenTelemetry's rule: dots to underscores, then the unit, then <c>total</c> for what only grows.</summary>
    private static string PrometheusName(Instrument instrument)
    {
        var unit = instrument.Unit switch { "s" => "_seconds", "By" => "_bytes", "{image}/s" => "_per_second", _ => "" };
        return instrument.Name.Replace('.', '_') + unit + (Kind(instrument) == "counter" ? "_total" : "");
    }
}
