using System.Diagnostics.Metrics;
using Akka.Cluster;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace Ganymede.Messages;

/// <summary>
/// What every program shows of itself: its memory and processor time, the cluster as it sees it, and, on one page for Prometheus, whatever its
/// own meters (<c>Ganymede.*</c>) have. Traces leave the process only where <c>OTEL_EXPORTER_OTLP_ENDPOINT</c> says whereto.
/// Names and units: docs/metrics.md.
/// </summary>
public static class ClusterTelemetry
{
    /// <summary>Prometheus scrapes this, on the port of the health endpoints.</summary>
    public const string Path = "/metrics";

    /// <summary>OpenTelemetry's own variable: the collector that takes traces, such as <c>http://localhost:4317</c>.</summary>
    public const string TraceEndpointVariable = "OTEL_EXPORTER_OTLP_ENDPOINT";

    private const string Sources = "Ganymede.*";

    private static readonly Meter _meter = new("Ganymede.Process");
    private static volatile Cluster? _cluster;

    static ClusterTelemetry()
    {
        _meter.CreateObservableGauge("ganymede.process.memory.managed", () => GC.GetTotalMemory(forceFullCollection: false), "By", "Memory that .NET objects take, garbage not yet collected included");
        _meter.CreateObservableGauge("ganymede.process.memory.resident", () => Environment.WorkingSet, "By", "Memory of the process that is in RAM; tensors are in it, and not in the managed one");
        _meter.CreateObservableCounter("ganymede.process.cpu.time", () => Environment.CpuUsage.TotalTime.TotalSeconds, "s", "Processor time of all threads");
        _meter.CreateObservableCounter("ganymede.process.gc.pause.time", () => GC.GetTotalPauseDuration().TotalSeconds, "s", "Time in which the garbage collector held all threads");
        _meter.CreateObservableGauge("ganymede.cluster.members", CountMembers, "{member}", "Members of the Akka cluster as this process sees it, by role and status");
    }

    internal static void AddTo(IServiceCollection services, IConfiguration configuration, string role)
    {
        var telemetry = services.AddOpenTelemetry()
            .ConfigureResource(resource => resource
                .AddService("ganymede-" + role, serviceNamespace: "ganymede", typeof(ClusterTelemetry).Assembly.GetName().Version?.ToString(3))
                .AddAttributes([new("role", role), new("node", NameOf(configuration, role))]))
            .WithMetrics(metrics => metrics.AddMeter(Sources).AddPrometheusExporter(page =>
            {
                page.ScopeInfoEnabled = false;
                page.ResourceConstantLabels = key => key is "role" or "node"; // so that no scraper has to know who is who
            }));
        if (configuration[TraceEndpointVariable] is { Length: > 0 } || Environment.GetEnvironmentVariable(TraceEndpointVariable) is { Length: > 0 })
            telemetry.WithTracing(traces => traces.AddSource(Sources).AddOtlpExporter());
    }

    /// <summary>The cluster whose members are counted.</summary>
    internal static void Watch(Cluster cluster) => _cluster = cluster;

    private static string NameOf(IConfiguration configuration, string role) =>
        configuration["Node:Name"] is { Length: > 0 } given ? given : $"{role}-{Environment.ProcessId}";

    private static IEnumerable<Measurement<int>> CountMembers()
    {
        if (_cluster is not { IsTerminated: false } cluster)
            return [];
        var state = cluster.State; // a snapshot
        return state.Members
            .GroupBy(member => (Role: member.Roles.FirstOrDefault() ?? "", Status: state.Unreachable.Contains(member) ? "unreachable" : member.Status.ToString().ToLowerInvariant()))
            .Select(group => new Measurement<int>(group.Count(), new("member_role", group.Key.Role), new("status", group.Key.Status)));
    }
}
