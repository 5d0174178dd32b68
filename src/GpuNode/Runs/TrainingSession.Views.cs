using System.Collections.Concurrent;
using System.Diagnostics;
using Ganymede.Collectives;
using Ganymede.Messages;
using Ganymede.Training;

namespace Ganymede.GpuNode.Runs;

/// <summary>Which view this node is in: named by the Coordinator, entered with what is lacking, left, and reported.</summary>
public sealed partial class TrainingSession
{
    private static readonly TimeSpan _lookPeriod = TimeSpan.FromMilliseconds(25);

    private readonly BlockingCollection<ViewIssued> _issued = [];
    private readonly Lock _viewLock = new();
    private volatile ViewPart? _part;
    private CancellationTokenSource _viewOver = new();
    private long _view, _leftView, _overView, _incarnation;
    private long _lastWord, _waitingSince, _heldTicks;
    private volatile bool _held;
    private ViewIssued? _newest;
    private ulong _sumHash;
    private long _position;

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
}
