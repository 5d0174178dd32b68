using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using Ganymede.Collectives;
using Ganymede.Datasets;
using Ganymede.Messages;
using Ganymede.Training;

namespace Ganymede.GpuNode.Runs;

/// <summary>
/// One run on this node, off Akka's threads: loads the data, has one dedicated thread for each replica, and takes them through one
/// view after another. What it says goes out through <c>report</c>; <c>ended</c> is its last word.
/// </summary>
/// <remarks>
/// The first failure of any thread ends them all: it cancels the one token that every wait here watches, so no thread is
/// left waiting for a sibling that will not come.
/// </remarks>
[SuppressMessage("Design", "CA1001", Justification = "Orders may arrive after the end; without a wait handle or a timer there is nothing to free.")]
public sealed partial class TrainingSession(
    PrepareRun prepare, NodeId node, NodeServices services, Action<IClusterMessage> report, Action ended)
{
    private readonly CancellationTokenSource _aborted = new();
    private readonly Lock _failureLock = new();
    private readonly StallDeadlines _deadlines = StallDeadlines.OfSeconds(prepare.Plan.MaxStallSeconds);
    private readonly HandOver _handOver = new(services.DataPlane, prepare.Run, StallDeadlines.OfSeconds(prepare.Plan.MaxStallSeconds), prepare.Plan.PhasesPerStep);
    private readonly ILogger _log = services.Logs.CreateLogger<TrainingSession>();
    private Exception? _failure;
    private string? _abortReason;
    private string? _passedOver;
    private RunWriter? _writer;

    private RunPlan Plan => prepare.Plan;

    /// <summary>Labels a measurement with the run.</summary>
    public KeyValuePair<string, object?> RunTag { get; } = new("run", prepare.Run.Value);

    public FlightRecorder Recorder { get; } = new(prepare.Plan.Folder, node, TimeProvider.System, prepare.Plan.PhasesPerStep);

    /// <summary>How long the replicas' shards take.</summary>
    public ShardClock Shards { get; } = new();

    /// <summary>What replicas are to tell the other members.</summary>
    public RunOrders Orders { get; } = new();

    /// <summary>Starts preparing; returns at once.</summary>
    public void Start() => new Thread(Run) { IsBackground = true, Name = $"run {prepare.Run}" }.Start();

    /// <summary>All members have ended alike: the threads end, too.</summary>
    public void Finish() => _issued.CompleteAdding();

    /// <summary>From a replica's thread: a peer has ended the view by what it does, or does not do any more.</summary>
    public void Suspect(ViewPart part, CollectiveException failure, long position)
    {
        _log.ViewBroken(prepare.Run, part.View, failure.Message);
        Recorder.Add("suspect", part.View, position, failure.Waited.TotalMilliseconds, failure.Message);
        report(new PeerSuspect(
            prepare.Run, node, part.View, [.. failure.Party.Split(',').Select(name => new NodeId(name))], position / Plan.PhasesPerStep, (int)(position % Plan.PhasesPerStep),
            failure.Chunk, failure.Waited.TotalSeconds, failure is DivergenceException, failure.Message));
    }

    /// <summary>From a replica's thread: what the controller did. Every member says it, so that it is told whoever dies.</summary>
    public void Tell(ControllerEvent happened)
    {
        _log.Controlled(prepare.Run, happened.Reason);
        report(new ControllerActed(prepare.Run, node, happened.Step, happened.Kind == ControllerEventKind.Stop, happened.Reason));
    }

    /// <summary>From a replica's thread: its state, for those that join in this view.</summary>
    public void HandStateOver(ViewPart part, ReplicaState state) =>
        _handOver.ServeState(part.Position, StateBlob.Write(state, part.Position / Plan.PhasesPerStep));

    /// <summary>All members stop after the same step, which they agree on in an all-reduce.</summary>
    public void RequestStop(string reason)
    {
        if (Orders.StopRequested)
            return; // said again, lest it was lost
        _log.Stopping(prepare.Run, reason);
        Orders.Stop();
    }

    /// <summary>Drops the run at once, without a checkpoint. Nothing is reported: whoever aborts knows.</summary>
    public void Abort(string reason)
    {
        lock (_failureLock)
            _abortReason ??= reason;
        _aborted.Cancel();
    }

    private void Run()
    {
        try
        {
            Train();
        }
        catch (Exception error)
        {
            Fail(error);
        }

        ReportFailure();
        ended();
    }

    private void Train()
    {
        var preset = Preset.FromJson(Plan.Preset);
        if (preset.Batch != Plan.Batch || preset.Shards != Plan.Shards)
            throw new PresetException($"the preset has batch {preset.Batch} and {preset.Shards} shards, the run {Plan.Batch} and {Plan.Shards}; they must agree");

        if (preset.CriticSteps != Plan.CriticSteps)
            throw new PresetException($"the preset has criticSteps {preset.CriticSteps}, the run {Plan.CriticSteps}; they must agree");

        Faults.At(FaultPoint.DataLoad, 0);
        var (pack, wasCached) = services.Packs.Load(prepare.Pack, _aborted.Token);
        var checkpoint = prepare.Start is StartingState.Checkpoint or StartingState.CheckpointIfAny ? StartingCheckpoint.Load(prepare, pack, _log, out _passedOver) : null;
        if (prepare.Start != StartingState.FromMember)
            CheckpointFolder.RemoveAbandoned(Plan.Folder);
        var type = preset.Precision == Precision.Float64 ? ElementType.Float64 : ElementType.Float32;

        using var prepared = new CountdownEvent(services.Devices.Length);
        var parts = services.Devices.Select(_ => new BlockingCollection<ViewPart>(1)).ToArray();
        var loops = new ReplicaLoop[services.Devices.Length];
        var threads = new Thread[loops.Length];
        for (var i = 0; i < loops.Length; i++)
        {
            var (loop, own) = (loops[i] = new ReplicaLoop
            {
                Session = this,
                Preset = preset,
                Pack = pack,
                Plan = Plan,
                Index = i,
                Device = services.Devices[i],
                Threads = services.ThreadsPerReplica,
                Overlap = services.Overlap,
                ElementType = type,
                Checkpoint = checkpoint,
                Aborted = _aborted.Token,
            }, parts[i]);
            threads[i] = new Thread(() => RunReplica(loop, prepared, own)) { IsBackground = true, Name = $"replica {i}" };
            threads[i].Start();
        }

        var telemetry = new MemberTelemetry(prepare.Run, loops, () => Interlocked.Read(ref _view), () => _writer);
        using var watched = Telemetry.Watch(telemetry);
        try
        {
            prepared.Wait(_aborted.Token);
            RequireSameFingerprint(loops);
            report(new RunPrepared(prepare.Run, node, loops[0].FirstStep, loops[0].Fingerprint, wasCached, _passedOver));
            while (NextView() is { } issued)
                Train(issued, preset, type, loops, parts, telemetry);
        }
        catch (Exception error)
        {
            Fail(error); // before the threads are waited for: it is what ends their own waits
        }

        foreach (var own in parts)
            own.CompleteAdding();
        foreach (var thread in threads)
            thread.Join();
        _writer?.Dispose();
        _handOver.Dispose();
    }

    private void RunReplica(ReplicaLoop loop, CountdownEvent prepared, BlockingCollection<ViewPart> parts)
    {
        try
        {
            loop.Run(
                () => prepared.Signal(),
                () => parts.TryTake(out var part, Timeout.Infinite, _aborted.Token) ? part : null,
                () =>
                {
                    if (loop.Index == 0)
                        report(loop.Progress(node, prepare.Run, Interlocked.Read(ref _view)));
                });
        }
        catch (Exception error)
        {
            Fail(error);
        }
    }

    private static void RequireSameFingerprint(ReplicaLoop[] loops)
    {
        if (loops.FirstOrDefault(loop => loop.Fingerprint != loops[0].Fingerprint) is { } other)
            throw new InvalidOperationException($"Replica {other.Index} on {other.Device} starts with other weights than replica 0 on {loops[0].Device}.");
    }

    /// <summary>Keeps the first failure, and ends every other thread of this run.</summary>
    private void Fail(Exception error)
    {
        lock (_failureLock)
        {
            if (_failure is null && !(error is OperationCanceledException && _aborted.IsCancellationRequested))
                _failure = error;
        }

        _aborted.Cancel();
    }

    private void ReportFailure()
    {
        if (_abortReason is { } reason)
        {
            _log.Aborted(prepare.Run, reason);
            return;
        }

        if (_failure is not { } failure)
            return;

        var badInput = failure is CheckpointException or BadDataException or PresetException;
        _log.Failed(failure, prepare.Run);
        Recorder.Add("failed", _view, _position, text: failure.Message);
        Recorder.Dump();
        report(new MemberFailed(prepare.Run, node, failure.Message, badInput));
    }
}
