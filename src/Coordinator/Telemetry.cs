using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using Ganymede.Collectives;
using Ganymede.Coordinator.Generation;
using Ganymede.Coordinator.Runs;

namespace Ganymede.Coordinator;

/// <summary>This program's meter and activity source: nodes, runs and generation jobs, read from their owners when somebody scrapes. Names and units: docs/metrics.md.</summary>
internal static class Telemetry
{
    private const string Name = "Ganymede.Coordinator";

    public static readonly ActivitySource Source = new(Name);

    private static readonly Meter _meter = new(Name);
    private static readonly ConcurrentDictionary<RunTelemetry, byte> _runs = [];
    private static readonly ConcurrentDictionary<GenerationTelemetry, byte> _jobs = [];
    private static readonly long[] _ended = new long[Enum.GetValues<RunOutcome>().Length];
    private static Func<int>? _nodes;

    static Telemetry()
    {
        _meter.CreateObservableGauge("ganymede.nodes", () => Volatile.Read(ref _nodes) is { } count ? [new Measurement<int>(count())] : Array.Empty<Measurement<int>>(), "{node}", "GPU nodes that are registered; only where the deciding Coordinator is");
        _meter.CreateObservableGauge("ganymede.run.phase", () => _runs.Keys.SelectMany(run => run.Phases()), "", "1 for the phase that a run is in, 0 for the others");
        _meter.CreateObservableGauge("ganymede.run.members", () => EachRun(run => run.Members), "{member}", "Members of the newest view that are not lost");
        _meter.CreateObservableGauge("ganymede.run.members.wanted", () => EachRun(run => run.MembersWanted), "{member}", "Nodes that the run was asked for");
        _meter.CreateObservableGauge("ganymede.run.view", () => EachRun(run => run.View), "{view}", "Number of the newest view");
        _meter.CreateObservableGauge("ganymede.run.step", () => EachRun(run => run.Step), "{step}", "Committed steps, as the members report them about once a second");
        _meter.CreateObservableGauge("ganymede.run.steps.wanted", () => EachRun(run => run.StepsWanted), "{step}", "Steps after which the run is done");
        _meter.CreateObservableGauge("ganymede.run.throughput", () => EachRun(run => run.ImagesPerSecond), "{image}/s", "Images trained on, over the last ten seconds");
        _meter.CreateObservableGauge("ganymede.run.loss", () => _runs.Keys.SelectMany(run => run.Losses()), "", "Loss of the newest reported step, by network");
        _meter.CreateObservableCounter("ganymede.run.evictions", () => EachRun(run => run.Evictions), "{member}", "Members taken out of the run because they died, stalled or diverged");
        _meter.CreateObservableCounter("ganymede.run.joins", () => EachRun(run => run.Joins), "{member}", "Nodes that joined the run while it trained");
        _meter.CreateObservableCounter("ganymede.run.leaves", () => EachRun(run => run.Leaves), "{member}", "Members that left the run in good order");
        _meter.CreateObservableCounter("ganymede.run.divergences", () => EachRun(run => run.Divergences), "{report}", "Reports of a member whose weights are not the others'");
        _meter.CreateObservableCounter("ganymede.runs.ended", () => Enum.GetValues<RunOutcome>().Select(outcome =>
            new Measurement<long>(Volatile.Read(ref _ended[(int)outcome]), new KeyValuePair<string, object?>("outcome", outcome.ToString().ToLowerInvariant()))), "{run}", "Runs that came to an end here, by how");
        _meter.CreateObservableGauge("ganymede.generation.images", () => EachJob(job => job.Images), "{image}", "Images of a generation job that are in storage");
        _meter.CreateObservableGauge("ganymede.generation.images.wanted", () => EachJob(job => job.ImagesWanted), "{image}", "Images after which the job is done");
        _meter.CreateObservableGauge("ganymede.generation.units", () => _jobs.Keys.SelectMany(job => job.Units()), "{unit}", "Work units of a generation job by state");
        _meter.CreateObservableCounter("ganymede.data.io", () => new Measurement<long>[]
        {
            new(Traffic.BytesSent, new KeyValuePair<string, object?>("direction", "transmit")),
            new(Traffic.BytesReceived, new KeyValuePair<string, object?>("direction", "receive")),
        }, "By", "Bytes of the data plane");
    }

    /// <summary>This process decides, and knows so many nodes; null when it does not any more.</summary>
    public static void Decide(Func<int>? nodes) => Volatile.Write(ref _nodes, nodes);

    public static void Watch(RunTelemetry run) => _runs[run] = 0;

    /// <summary>The run is off the page.</summary>
    public static void Forget(RunTelemetry run) => _runs.TryRemove(run, out _);

    public static void Count(RunOutcome outcome) => Interlocked.Increment(ref _ended[(int)outcome]);

    public static void Watch(GenerationTelemetry job) => _jobs[job] = 0;

    public static void Forget(GenerationTelemetry job) => _jobs.TryRemove(job, out _);

    private static IEnumerable<Measurement<T>> EachRun<T>(Func<RunTelemetry, T> figure) where T : struct =>
        _runs.Keys.Select(run => new Measurement<T>(figure(run), new KeyValuePair<string, object?>("run", run.Run)));

    private static IEnumerable<Measurement<long>> EachJob(Func<GenerationTelemetry, long> figure) =>
        _jobs.Keys.Select(job => new Measurement<long>(figure(job), new KeyValuePair<string, object?>("job", job.Job)));
}
