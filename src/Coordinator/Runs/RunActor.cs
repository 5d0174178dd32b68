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
public sealed partial class RunActor : ReceiveActor, IWithTimers
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
    private readonly long _incarnation;
    private readonly StallDeadlines _deadlines;
    private readonly Func<ViewMember, ProbeAnswer> _probe;
    private readonly HashSet<NodeId> _probing = [];
    private readonly Dictionary<NodeId, TimeSpan> _invited = [];
    private ImmutableHashSet<NodeId> _spare = [];
    private Views? _views;
    private readonly RunRecord? _found;
    private readonly Dictionary<NodeId, MemberReport> _reports = [];
    private StartingState _startingState;
    private RunState _state = RunState.Initial;
    private ImmutableArray<KnownNode> _nodes = [];
    private DataPreparation.Packed? _pack;
    private long _lastReportedStep = -1;
    private string? _stopReason;
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
        Receive<TakeOverDeadlinePassed>(_ => EndTakeOver());
        Receive<PeerSuspect>(Accept, suspect => suspect.Run == _run);
        Receive<MemberHalted>(halted => Carry(_views?.Halt(halted, Now)), halted => halted.Run == _run);
        Receive<MemberAlive>(alive => Carry(_views?.Alive(alive.Node, alive.View, Now)), alive => alive.Run == _run);
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
        if (_state.Phase == RunPhase.Preparing)
            TellMembers(new AbortRun(_run, "the Coordinator stopped"));
        if (_pack is not null)
            _packs.Unserve(_pack.Sha256);

        // An actor that crashed has readers waiting for an end; one that ended said so already, and this is ignored.
        Say(RunEventKind.Failed, "The Coordinator stopped while the run was going on.");
        PublishNow();
    }

    /// <summary>A second life would have forgotten the view; the run fails instead, and can be resumed.</summary>
    protected override void PreRestart(Exception reason, object message)
    {
        Fail($"The Coordinator failed on {message.GetType().Name}: {reason.Message}", badInput: false);
        base.PreRestart(reason, message);
    }

    private void Gather(DataPreparation.Packed packed)
    {
        _pack = packed;
        if (_pausedBy is not null)
            WriteRecord();
        _events.Append(new RunEvent
        {
            Kind = RunEventKind.Data,
            Text = $"{packed.Summary.Name}: {packed.Summary.Images} images of {packed.Summary.Classes.Count} classes, {packed.Bytes / 1e6:0.0} MB packed",
            Data = packed.Summary,
        });
        _state = _state with { Phase = RunPhase.Gathering };
        Timers.StartSingleTimer("gather", GatherDeadlinePassed.Instance, GatherDeadline);
        TryForm();
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
            Invite();
    }

    private void GatherLate()
    {
        // A run that lost all members takes what it can get; one that never began was asked for so many.
        var there = _nodes.Count(node => node.Registration.DrainedBy is null);
        if (_startingState == StartingState.CheckpointIfAny && there > 0)
            Form(there);
        else
            Fail($"{there} of {_request.Nodes} nodes registered within {GatherDeadline.TotalSeconds:0} s.", badInput: false);
    }

    private void TryForm() => Form(_request.Nodes);

    private void Form(int wanted)
    {
        var there = _nodes.Where(node => node.Registration.DrainedBy is null && (_views is null || _views.MayJoin(node.Id, Now))).Select(node => node.Registration).ToArray();
        if (_state.TryChoose(there, wanted) is not { } formed)
        {
            Say(RunEventKind.State, $"Waiting for nodes: {there.Length} of {wanted}");
            return;
        }

        Timers.Cancel("gather");
        var replicas = formed.Chosen.Sum(member => member.Replicas);
        if (replicas > _request.Shards)
        {
            Fail($"--shards {_request.Shards}: fewer than the {replicas} replicas of {formed.Chosen.Length} nodes; each needs at least one shard.", badInput: true);
            return;
        }

        if (RunState.Difference([.. there.Where(node => formed.IsChosen(node.Node))]) is { } difference)
        {
            Fail(difference, badInput: true);
            return;
        }

        _state = formed;
        _spare = [.. there.Select(node => node.Node).Where(node => !formed.IsChosen(node))];
        Say(RunEventKind.State, $"Preparing {string.Join(", ", formed.Chosen.Select(member => member.Node))}");
        foreach (var member in formed.Chosen)
            Tell(member.Node, Prepare(_startingState));
        Timers.StartSingleTimer("prepare", PrepareDeadlinePassed.Instance, PrepareDeadline);
        Timers.StartPeriodicTimer("views", ViewTick.Instance, _deadlines.Beat);
    }

    private PrepareRun Prepare(StartingState start) =>
        new(_run, Plan(), new PackLocation(_packs.Host, _packs.Port, _pack!.Sha256, _pack.Bytes), start);

    private RunPlan Plan() => new(
        _request.PresetName, _request.Preset, _request.Seed, _request.Steps, _request.Batch, _request.Shards, _request.Folder,
        _request.SampleEvery, _request.CheckpointEvery, _request.MaxStallSeconds, _request.KeepCheckpoints, _request.CriticSteps);

    private void Accept(RunPrepared prepared)
    {
        Say(RunEventKind.State, $"{prepared.Node} is ready{(prepared.PackWasCached ? " (data was cached)" : "")}");
        if (_state.Phase == RunPhase.Training && _invited.Remove(prepared.Node) && Known(prepared.Node) is { } node)
        {
            Carry(_views!.Ready(ShardOwnership.Member(node.Registration), Now));
            return;
        }

        if (prepared.PassedOver is { } passedOver && passedOver != _passedOver)
            Say(RunEventKind.State, $"Going on from the checkpoint of step {prepared.FirstStep}, as newer ones are not valid: {_passedOver = passedOver}");
        _state = _state.Accept(prepared);
        TryBegin();
    }

    private void TryBegin()
    {
        if (_state.Phase != RunPhase.Preparing || !_state.AllPrepared)
            return;

        Timers.Cancel("prepare");
        if (_pausedBy is not null)
        {
            Publish();
            return;
        }
        if (_state.PreparedDifference() is { } difference)
        {
            Fail($"Members are not alike: {difference}", badInput: false);
            return;
        }

        var first = _state.Prepared[_state.Chosen[0].Node].FirstStep;
        var view = new View((_state.View?.Number ?? 0) + 1, ShardOwnership.Even(_state.Chosen, _request.Shards));
        _views = Views.Of(view, _request.PhasesPerStep * first, _request.Shards, _deadlines, Now, _request.Rebalance) with { PhasesPerStep = _request.PhasesPerStep, Evicted = _views?.Evicted ?? ImmutableDictionary<NodeId, Eviction>.Empty };
        Say(RunEventKind.State, $"Training from step {first} to {_request.Steps}");
        Begin(new ViewDecision.Issue(view, _request.PhasesPerStep * first, view.Members[0].Node, 0, [], "all are prepared"));
        Timers.StartPeriodicTimer("progress", ProgressTick.Instance, TimeSpan.FromSeconds(1));
        Invite();
    }

    private void Stop(string reason)
    {
        _stopReason = reason;
        Unpause("it is to stop");
        switch (_state.Phase)
        {
            case RunPhase.Training:
                Say(RunEventKind.State, $"Stopping after the step in hand: {reason}");
                TellMembers(new StopRun(_run, reason));
                break;
            case RunPhase.Packing or RunPhase.Gathering:
                Fail($"Stopped before training began: {reason}", badInput: false);
                break;
            case RunPhase.Preparing or RunPhase.Over or RunPhase.TakingOver:
                break; // Preparing, taking over: the members are told once they train, and stop after one step. Over: nothing to stop.
            default:
                throw new InvalidOperationException($"Run phase {_state.Phase} has no rule for stopping.");
        }
    }

    private void Fail(string reason, bool badInput)
    {
        if (_state.Phase == RunPhase.Over)
            return;

        _log.Warning("Run {Run} failed: {Reason}", _run, reason);
        TellMembers(new AbortRun(_run, reason));
        _state = _state with { Phase = RunPhase.Over };
        _telemetry.Ended(RunOutcome.Failed);
        (_end, _endedAt, _text) = ("failed", _time.GetUtcNow(), reason);
        _events.Append(new RunEvent { Kind = RunEventKind.Failed, Text = reason, BadInput = badInput });
        Context.Stop(Self);
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
