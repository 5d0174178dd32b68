using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using Ganymede.Collectives;
using Ganymede.GpuNode.Runs;
using Ganymede.GpuNode.Sampling;
using Ganymede.Messages;

namespace Ganymede.GpuNode;

/// <summary>
/// This program's meter and activity source. What a run or a sampler is doing is read from it when somebody scrapes; of a training step only
/// its duration is recorded as it happens. Names and units: docs/metrics.md.
/// </summary>
internal static class Telemetry
{
    private const string Name = "Ganymede.GpuNode";

    public static readonly ActivitySource Source = new(Name);

    private static readonly Meter _meter = new(Name);
    private static readonly ConcurrentDictionary<MemberTelemetry, byte> _members = [];
    private static readonly ConcurrentDictionary<SamplingPipeline, (string Job, string Device)> _pipelines = [];

    public static readonly Histogram<double> StepDuration = _meter.CreateHistogram(
        "ganymede.step.duration", "s", "A training step of the node's first replica, from its first shard to its last update, in the view in which it ended",
        advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60] });

    public static readonly Histogram<double> CheckpointDuration = _meter.CreateHistogram(
        "ganymede.checkpoint.duration", "s", "Writing, flushing and renaming a checkpoint, beside training",
        advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120] });

    public static readonly Counter<long> SampledImages = _meter.CreateCounter<long>("ganymede.sampler.images", "{image}", "Images drawn and stored by this node");

    static Telemetry()
    {
        _meter.CreateObservableGauge("ganymede.member.step", () => EachMember(member => member.Step), "{step}", "Steps of the run that this member has committed");
        _meter.CreateObservableGauge("ganymede.member.view", () => EachMember(member => member.View), "{view}", "Number of the newest view this member knows");
        _meter.CreateObservableGauge("ganymede.member.tensors", () => EachMember(member => member.LiveTensors), "{tensor}", "Live tensors on the replica threads; flat in a healthy run");
        _meter.CreateObservableGauge("ganymede.writer.queue.length", () => EachMember(member => member.WriterQueue), "{item}", "Grids and checkpoints that the lead member has not written yet, the one in hand included");
        _meter.CreateObservableCounter("ganymede.member.images", () => EachMember(member => member.Images), "{image}", "Images of the run that this member's replicas have trained on");
        _meter.CreateObservableCounter("ganymede.member.steps.skipped", () => EachMember(member => member.SkippedSteps), "{step}", "Steps whose gradients were not finite and changed nothing");
        _meter.CreateObservableCounter("ganymede.stall.time", () => EachMember(member => member.StallSeconds), "s", "Time between two views, in which the member waited for the next");
        _meter.CreateObservableCounter("ganymede.phase.time", PhaseTimes, "s", "Time of the replica threads by what they did");
        _meter.CreateObservableGauge("ganymede.sampler.queue.length", QueueLengths, "{unit}", "Units of a generation job that wait in this node, by what for");
        _meter.CreateObservableCounter("ganymede.data.io", () => new Measurement<long>[]
        {
            new(Traffic.BytesSent, new KeyValuePair<string, object?>("direction", "transmit")),
            new(Traffic.BytesReceived, new KeyValuePair<string, object?>("direction", "receive")),
        }, "By", "Bytes of the data plane");
    }

    /// <summary>The member's figures are on the page until the handle is disposed.</summary>
    public static IDisposable Watch(MemberTelemetry member)
    {
        _members[member] = 0;
        return new Watched(() => _members.TryRemove(member, out _));
    }

    /// <summary>The same for the queues of a pipeline.</summary>
    public static IDisposable Watch(SamplingPipeline pipeline, string job, string device)
    {
        _pipelines[pipeline] = (job, device);
        return new Watched(() => _pipelines.TryRemove(pipeline, out _));
    }

    /// <summary>A unit is in storage: counts its images, and leaves a span from the beginning of its drawing.</summary>
    public static void UnitStored(JobId job, long unit, int images, DateTimeOffset begun)
    {
        SampledImages.Add(images);
        using var span = Source.StartActivity("unit", ActivityKind.Internal, JobTrace.Of(job.Value),
            [new("job", job.Value), new("unit", unit), new("images", images)], startTime: begun);
    }

    private static IEnumerable<Measurement<T>> EachMember<T>(Func<MemberTelemetry, T> figure) where T : struct =>
        [.. _members.Keys.Select(member => new Measurement<T>(figure(member), new KeyValuePair<string, object?>("run", member.Run)))];

    private static IEnumerable<Measurement<double>> PhaseTimes() =>
        [.. _members.Keys.SelectMany(member =>
        {
            var phases = member.Phases;
            return new[] { ("compute", phases.Compute), ("exposed_communication", phases.ExposedCommunication), ("optimizer", phases.Optimizer) }
                .Select(phase => new Measurement<double>(phase.Item2, new("run", member.Run), new("phase", phase.Item1)));
        })];

    private static IEnumerable<Measurement<int>> QueueLengths() =>
        [.. _pipelines.SelectMany(known => new[] { ("draw", known.Key.ToDraw), ("store", known.Key.ToStore) }
            .Select(queue => new Measurement<int>(queue.Item2, new("job", known.Value.Job), new("device", known.Value.Device), new("queue", queue.Item1))))];

    private sealed class Watched(Action end) : IDisposable
    {
        public void Dispose() => end();
    }
}
