using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using Akka.Actor;
using Akka.Event;
using Ganymede.Collectives;
using Ganymede.Messages;
using Ganymede.Messages.Api;

namespace Ganymede.Coordinator.Runs;

/// <summary>
/// Takes one run from its data to its end: packs, gathers nodes, has them prepare, lets them train, compares what they
/// end with. While they train it only listens; no step waits for it. When members die, join or leave it carries out what
/// <see cref="Views"/> decides.
/// </summary>
[SuppressMessage("Design", "CA1001", Justification = "PostStop disposes it, as actors do.")]
public sealed partial class RunActor : JobActor, IWithTimers
{
    /// <summary>Longest wait for enough nodes to register.</summary>
    public static readonly TimeSpan GatherDeadline = TimeSpan.FromSeconds(120);

    /// <summary>Nodes register with a new Coordinator within this.</summary>
    public static readonly TimeSpan RegistrationDeadline = TimeSpan.FromSeconds(6);

    /// <summary>Longest wait for the members to fetch the data and build their replicas.</summary>
    public static readonly TimeSpan PrepareDeadline = Deadlines.Prepare;

    private sealed record GatherDeadlinePassed
    {
        public static readonly GatherDeadlinePassed Instance = new();
    }

    private sealed record PrepareDeadlinePassed
    {
        public static readonly PrepareDeadlinePassed Instance = new();
    }

    private sealed record TakeOverDeadlinePassed
    {
        public static readonly TakeOverDeadlinePassed Instance = new();
    }

    private sealed record Probed(NodeId Node, ProbeAnswer Answer);

    private sealed record ViewTick
    {
        public static readonly ViewTick Instance = new();
    }

    private sealed record ProgressTick
    {
        public static readonly ProgressTick Instance = new();
    }

    private readonly ILoggingAdapter _log = Context.GetLogger();
    private readonly CancellationTokenSource _ended = new();
    private readonly RunId _run;
    private readonly RunRequest _request;
    private readonly EventLog _events;
    private readonly PackServer _packs;
    private readonly RunRate _rate;
    private readonly TimeProvider _time;
    private readonly long _start;
    private long _incarnation;
    private readonly StallDeadlines _deadlines;
    private readonly Func<ViewMember, ProbeAnswer> _probe;
    private readonly HashSet<NodeId> _probing = [];
    private readonly Dictionary<NodeId, TimeSpan> _invited = [];
    private ImmutableHashSet<NodeId> _spare = [];
    private Views? _views;
    private ViewIssued? _issued;
    private readonly RunRecord? _found;
    private StartingState _startingState;
    private RunState _state = RunState.Initial;
    private ImmutableArray<KnownNode> _nodes = [];
    private DataPreparation.Packed? _pack;
    private long _lastReportedStep = -1;
    private string? _stopReason;
    private TimeSpan _stopTold;
    private long _controlledStep;
    private string? _passedOver;
    private ImmutableHashSet<NodeId> _leaving = [];
    private readonly RunTelemetry _telemetry;

    public RunActor(
        RunId run, RunRequest request, RunRecord? found, EventLog events, PackServer packs, TimeProvider time, Func<ViewMember, ProbeAnswer> probe)
    {
        _found = found;
        _run = run;
        _request = request;
        _events = events;
        _packs = packs;
        _rate = new RunRate(time);
        _time = time;
        _start = time.GetTimestamp();
        _incarnation = time.GetUtcNow().ToUnixTimeMilliseconds();
        _deadlines = StallDeadlines.OfSeconds(request.MaxStallSeconds);
        _probe = probe;
        _startingState = request.Resume ? StartingState.Checkpoint : StartingState.Fresh;
        _telemetry = new RunTelemetry(run, request.Nodes, request.Steps, request.PhasesPerStep, () => (Volatile.Read(ref _state), Volatile.Read(ref _views)));
        _begun = time.GetUtcNow();

        Receive<DataPreparation.Packed>(Gather);
        Receive<DataPreparation.NotPacked>(failed => Fail(failed.Reason, failed.BadInput));
        Receive<NodesChanged>(Follow);
        Receive<RunPrepared>(Accept, prepared => prepared.Run == _run);
        Receive<ProgressReport>(Accept, report => report.Run == _run);
        Receive<ArtifactWritten>(Announce, written => written.Run == _run);
        Receive<ControllerActed>(Announce, acted => acted.Run == _run);
        Receive<MemberFinished>(Accept, finished => finished.Run == _run);
        Receive<MemberFailed>(Accept, failed => failed.Run == _run);
        Receive<MemberReport>(Accept, report => report.Run == _run);
        Receive<TakeOverDeadlinePassed>(_ => TakeOverLate());
        Receive<PeerSuspect>(Accept, suspect => suspect.Run == _run);
        Receive<MemberHalted>(halted => Carry(_views?.Halt(halted, Now)), halted => halted.Run == _run);
        Receive<MemberAlive>(alive => Carry(_views?.Alive(alive.Node, alive.View, Now, byItself: true)), alive => alive.Run == _run);
        Receive<LeaveRun>(Accept, leave => leave.Run == _run);
        Receive<Probed>(Accept);
        Receive<ViewTick>(_ => Tick());
        Receive<SteerRun>(Steer);
        Receive<PublishDue>(_ => PublishNow());
        Receive<ProgressTick>(_ => ReportProgress());
        Receive<GatherDeadlinePassed>(_ => GatherLate());
        Receive<PrepareDeadlinePassed>(_ => Fail(
            $"{string.Join(", ", _state.Unprepared.Select(member => member.Node))} not prepared within {PrepareDeadline.TotalSeconds:0} s.", badInput: false));
    }

    /// <param name="found">What another Coordinator left of the run, which this one takes over; null for a new run.</param>
    /// <param name="probe">Asks a node's data plane whether its process lives; blocks within the run's deadlines, and is not called on the actor's thread.</param>
    public static Props Props(
        RunId run, RunRequest request, RunRecord? found, EventLog events, PackServer packs, TimeProvider time, Func<ViewMember, ProbeAnswer> probe) =>
        Akka.Actor.Props.Create(() => new RunActor(run, request, found, events, packs, time, probe));

    private TimeSpan Now => _time.GetElapsedTime(_start);

    public ITimerScheduler Timers { get; set; } = null!; // Akka sets it before PreStart

    protected override void PreStart()
    {
        if (_found is { } found)
        {
            TakeOver(found);
            return;
        }

        Say(RunEventKind.State, $"Run {_run}: reading {_request.Data}");
        var (run, request, packs, events, cancel) = (_run, _request, _packs, _events, _ended.Token);
        Task.Run(() => DataPreparation.Run(run, request, packs, events, cancel), cancel).PipeTo(
            Self, failure: error => new DataPreparation.NotPacked($"Packing the data failed: {error.Message}", BadInput: false));
    }

    protected override void PostStop()
    {
        _ended.Cancel();
        _ended.Dispose();
        _telemetry.Dispose();
        if (_pack is not null)
            _packs.Unserve(_pack.Sha256, DataPreparation.PackPath(_request));

        // A run that has members is not over: they train on, or go on preparing, and the next Coordinator learns of the run from them. Nothing is said
        // of an end, which it would read in the run's events. One without members ends here, and whoever reads its events waits for that.
        if (_state.Phase is RunPhase.Packing or RunPhase.Gathering)
            Say(RunEventKind.Failed, "The Coordinator stopped before training began.");
        PublishNow();
    }

    private void Follow(NodesChanged changed)
    {
        _nodes = changed.Nodes;
        if (_state.Phase == RunPhase.Over)
        {
            foreach (var node in _nodes.Where(node => node.Registration.Run?.Run == _run))
                node.Actor.Tell(new RunOver(_run));
            Context.Stop(Self);
            return;
        }

        foreach (var lost in changed.Lost)
            Lose(lost, "left the cluster");
        FollowDrained();
        if (_state.Phase == RunPhase.TakingOver)
            AskMembers();
        else if (_state.Phase == RunPhase.Gathering)
            TryForm();
        else if (_state.Phase == RunPhase.Training)
        {
            AskMembers();
            Invite();
        }
    }

    /// <summary>All that have to do with the run: members, those who prepare, those who were asked to join.</summary>
    private void TellMembers(IClusterMessage message)
    {
        foreach (var node in _nodes.Where(node => _state.Phase == RunPhase.Preparing ? _state.IsChosen(node.Id) : _state.IsMember(node.Id)))
            node.Actor.Tell(message);
        foreach (var node in _nodes.Where(node => message is AbortRun or RunOver or HoldRun && (_invited.ContainsKey(node.Id) || _views?.IsJoining(node.Id) == true)))
            node.Actor.Tell(message);
    }

    private void Tell(NodeId node, IClusterMessage message) => Known(node)?.Actor.Tell(message);

    private KnownNode? Known(NodeId node) => _nodes.FirstOrDefault(known => known.Id == node);

    private void Say(RunEventKind kind, string text)
    {
        _events.Append(new RunEvent { Kind = kind, Text = text });
        if (_end is null)
            _text = text;
        Publish();
    }
}
