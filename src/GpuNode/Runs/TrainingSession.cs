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
public sealed class TrainingSession(
    PrepareRun prepare, NodeId node, NodeServices services, Action<IClusterMessage> report, Action ended)
{
    private static readonly TimeSpan _lookPeriod = TimeSpan.FromMilliseconds(25);

    private readonly CancellationTokenSource _aborted = new();
    private readonly BlockingCollection<ViewIssued> _issued = [];
    private readonly Lock _failureLock = new();
    private readonly Lock _viewLock = new();
    private readonly StallDeadlines _deadlines = StallDeadlines.OfSeconds(prepare.Plan.MaxStallSeconds);
    private readonly HandOver _handOver = new(services.DataPlane, prepare.Run, StallDeadlines.OfSeconds(prepare.Plan.MaxStallSeconds), prepare.Plan.PhasesPerStep);
    private readonly ILogger _log = services.Logs.CreateLogger<TrainingSession>();
    private Exception? _failure;
    private string? _abortReason;
    private string? _passedOver;

    private volatile ViewPart? _part;
    private CancellationTokenSource _viewOver = new();
    private long _view, _leftView, _overView, _incarnation;
    private long _lastWord, _waitingSince, _heldTicks;
    private volatile bool _held;
    private ViewIssued? _newest;
    private ulong _sumHash;
    private long _position;
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

    /// <summary>A view begins. One that an older Coordinator issued, or that is not newer than what is known, is none of ours.</summary>
    /// <returns>Whether it is taken.</returns>
    public bool Begin(ViewIssued issued)
    {
        lock (_viewLock)
        {
            if (issued.Incarnation < _incarnation || issued.View.Number <= _view || !issued.View.Members.Any(member => member.Node == node))
            {
                _log.StaleView(prepare.Run, issued.View.Number, _view);
                return false;
            }

            (_incarnation, _view, _newest) = (issued.Incarnation, issued.View.Number, issued);
            _viewOver.Cancel();
            _viewOver = CancellationTokenSource.CreateLinkedTokenSource(_aborted.Token);
            if (_overView >= _view)
                _viewOver.Cancel(); // the word of its end came first: nobody hands anything over in it any more
            _part?.End($"view {_view} was issued");
        }

        _issued.Add(issued);
        return true;
    }

    /// <summary>The view is over: nobody begins another shard, waits end at once, partial sums are kept.</summary>
    public void Halt(long view, string reason)
    {
        lock (_viewLock)
        {
            if (view < _view)
                return;
            _overView = Math.Max(_overView, view);
            if (view > _view)
                return; // a view that has not come here: it will be found to be over
            _viewOver.Cancel();
            _part?.End(reason);
        }
    }

    /// <summary>Where this node is, for a Coordinator that takes the run over.</summary>
    public MemberReport Describe()
    {
        lock (_viewLock)
            return new MemberReport(prepare.Run, node, _newest?.View, _position, _sumHash, Waits: _leftView == _view) { Incarnation = _incarnation };
    }

    /// <summary>The run is paused, and the Coordinator is there: the wait for the next view begins anew.</summary>
    public void Hold()
    {
        _held = true;
        Interlocked.Exchange(ref _lastWord, Stopwatch.GetTimestamp());
    }

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

    /// <summary>Waits for the Coordinator's word; null when the run is over.</summary>
    private ViewIssued? NextView()
    {
        var patience = prepare.Start == StartingState.FromMember || _view > 0 ? _deadlines.NextView : Deadlines.Prepare;
        Interlocked.Exchange(ref _lastWord, Stopwatch.GetTimestamp());
        try
        {
            while (true)
            {
                var left = patience - Stopwatch.GetElapsedTime(Interlocked.Read(ref _lastWord)); // a paused run's Coordinator prolongs it
                if (left <= TimeSpan.Zero)
                    throw new TimeoutException($"no Coordinator named a view to follow view {_view} within {patience.TotalSeconds:0} s");
                if (_issued.TryTake(out var issued, (int)Math.Ceiling(left.TotalMilliseconds), _aborted.Token))
                {
                    _heldTicks = _held && _waitingSince != 0 ? Stopwatch.GetTimestamp() - _waitingSince : 0;
                    _held = false;
                    return issued;
                }

                if (_issued.IsAddingCompleted)
                    return null;
            }
        }
        catch (InvalidOperationException) when (_issued.IsCompleted)
        {
            return null;
        }
    }

    /// <summary>Takes this node through one view, and says where it has got to.</summary>
    private void Train(ViewIssued issued, Preset preset, ElementType type, ReplicaLoop[] loops, BlockingCollection<ViewPart>[] parts, MemberTelemetry telemetry)
    {
        using var span = Telemetry.Source.StartActivity("member view", ActivityKind.Internal, JobTrace.Of(prepare.Run.Value),
            [RunTag, new("view", issued.View.Number), new("first_step", issued.Position / Plan.PhasesPerStep), new("reason", issued.Reason)]);
        using (var part = Enter(issued, preset, type, loops))
        {
            if (part is not null)
            {
                telemetry.ViewBegun(wasPaused: part.HeldTicks > 0);
                foreach (var own in parts)
                    own.Add(part);
                var watch = new PeerWatch(part.Group, _deadlines);
                while (!part.Wait(_lookPeriod, _aborted.Token))
                    watch.Look();
            }
        }

        if (!loops.All(loop => loop.Ended))
            telemetry.ViewEnded();
        _waitingSince = Stopwatch.GetTimestamp();
        _handOver.DropState();
        var lead = Furthest(loops);
        span?.SetTag("last_step", lead.Step);
        var sum = lead.LastSum;
        var hash = sum.IsEmpty ? 0 : _handOver.ServeSum(lead.Position, sum);
        lock (_viewLock)
            (_part, _leftView, _position, _sumHash) = (null, issued.View.Number, lead.Position, hash);
        Recorder.Add(lead.Ended ? "end" : "halt", issued.View.Number, lead.Position);
        if (loops.All(loop => loop.Ended))
        {
            lead = loops[0];
            report(new MemberFinished(
                prepare.Run, node, lead.Step, lead.Stopped, lead.WeightsSha256, lead.Step * Plan.SamplesPerStep, lead.SecondsTraining,
                lead.Phases, _writer?.LastCheckpoint, _writer?.LastGrid, issued.View.Number, hash, lead.FirstStep));
        }
        else
        {
            report(new MemberHalted(prepare.Run, node, issued.View.Number, lead.Position, hash));
        }

        Recorder.Dump(); // after the word that others wait for
    }

    /// <summary>A failure may come between two replicas' copies of a sum: then one is a phase ahead of another.</summary>
    private static ReplicaLoop Furthest(ReplicaLoop[] loops) => loops.MaxBy(loop => loop.Position)!;

    /// <summary>Fetches what this node lacks and connects; null when the view is over before that is done.</summary>
    private ViewPart? Enter(ViewIssued issued, Preset preset, ElementType type, ReplicaLoop[] loops)
    {
        CancellationToken over;
        lock (_viewLock)
            over = _viewOver.Token;

        Recorder.Add("view", issued.View.Number, issued.Position, text: issued.Reason);
        var members = issued.View.Members;
        var self = Array.FindIndex(members, member => member.Node == node);
        byte[]? sum = null;
        ReplicaState? state = null;
        try
        {
            if (issued.Joining.Contains(node))
            {
                Faults.At(FaultPoint.Join, issued.Position / Plan.PhasesPerStep);
                state = _handOver.FetchState(issued, over);
            }
            else if (Furthest(loops).Position == issued.Position - 1)
            {
                sum = _handOver.FetchSum(issued, loops[0].SumBytes(issued.Position), over);
            }
            else if (loops.Any(loop => loop.Position < issued.Position))
            {
                sum = Furthest(loops).LastSum.ToArray();
            }
        }
        catch (OperationCanceledException) when (!_aborted.IsCancellationRequested)
        {
            return null;
        }
        catch (Exception failure) when (failure is FetchException or CheckpointException)
        {
            report(new PeerSuspect(prepare.Run, node, issued.View.Number, [issued.Source], issued.Position / Plan.PhasesPerStep, -1, -1, 0, Diverged: false, failure.Message));
            return null;
        }

        var group = services.DataPlane.Join(
            prepare.Run.Value, issued.View.Number,
            [.. members.Select(peer => new PartyAddress(peer.Node.Value, peer.Host, peer.Port, new ShardRange(peer.FirstShard, peer.ShardCount)))],
            self, Plan.Shards, _deadlines.Phase, _deadlines.MaxStall);
        if (self == 0)
            _writer ??= new RunWriter(prepare, preset, issued.Position / Plan.PhasesPerStep, message => report(message), node);

        var part = new ViewPart(issued.View.Number, issued.Position, group, new LocalGroup(group, loops.Length, Plan.Shards, type),
            ShardAssignment.Even(new ShardRange(members[self].FirstShard, members[self].ShardCount), loops.Length))
        {
            Sum = sum,
            State = state,
            HandsStateOver = issued.Joining.Length > 0 && issued.Source == node,
            Writer = self == 0 ? _writer : null,
            HeldTicks = _heldTicks,
        };
        lock (_viewLock)
        {
            _part = part;
            if (_overView >= issued.View.Number)
                part.End("the view was over before it began here");
        }

        return part;
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
