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
public sealed class RunActor : ReceiveActor, IWithTimers
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
    private ImmutableHashSet<NodeId> _leaving = [];

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

        Receive<DataPreparation.Packed>(Gather);
        Receive<DataPreparation.NotPacked>(failed => Fail(failed.Reason, failed.BadInput));
        Receive<NodesChanged>(Follow);
        Receive<RunPrepared>(Accept, prepared => prepared.Run == _run);
        Receive<ProgressReport>(report => _state = _state.Accept(report), report => report.Run == _run);
        Receive<ArtifactWritten>(Announce, written => written.Run == _run);
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
        Receive<CoordinatorActor.StopJob>(stop => Stop(stop.Reason));
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
        if (_state.Phase == RunPhase.Preparing)
            TellMembers(new AbortRun(_run, "the Coordinator stopped"));
        if (_pack is not null)
            _packs.Unserve(_pack.Sha256);

        // An actor that crashed has readers waiting for an end; one that ended said so already, and this is ignored.
        Say(RunEventKind.Failed, "The Coordinator stopped while the run was going on.");
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
        if (_state.Phase == RunPhase.TakingOver)
            AskMembers();
        else if (_state.Phase == RunPhase.Gathering)
            TryForm();
        else if (_state.Phase == RunPhase.Training)
            Invite();
    }

    /// <summary>
    /// The members train on meanwhile, or wait for a view; what they know and what is written in the folder is all there is to know.
    /// </summary>
    private void TakeOver(RunRecord found)
    {
        _state = _state with { Phase = RunPhase.TakingOver };
        _events.GoOnFrom(Path.Combine(_request.Folder, "events.jsonl"));
        if (_events.Last is { Kind: RunEventKind.Finished or RunEventKind.Failed })
        {
            _state = _state with { Phase = RunPhase.Over }; // the other one had led it to its end, but not told all of its members
            return;
        }

        _packs.Serve(found.PackSha256, DataPreparation.PackPath(_request));
        _pack = new DataPreparation.Packed(
            _events.Data ?? new DataSummary("", 0, _request.Size, _request.Channels, found.PackSha256, [], []), found.PackSha256, found.PackBytes);
        Say(RunEventKind.State, "Another Coordinator takes the run over from its members' reports");
        Timers.StartSingleTimer("take over", TakeOverDeadlinePassed.Instance, RegistrationDeadline + _deadlines.MaxStall);
    }

    private void AskMembers()
    {
        foreach (var node in _nodes.Where(node => node.Registration.Run?.Run == _run && !_reports.ContainsKey(node.Id)))
            node.Actor.Tell(new DescribeMember(_run));
    }

    private void Accept(MemberReport report)
    {
        if (_state.Phase != RunPhase.TakingOver)
            return;
        _reports[report.Node] = report;
        var newest = _reports.Values.Select(known => known.View).MaxBy(view => view?.Number ?? 0);
        if (newest is not null && newest.Members.All(member => _reports.ContainsKey(member.Node)))
            EndTakeOver();
    }

    /// <summary>All members of the newest view have reported, or those that have not are late: the run is led from here on.</summary>
    private void EndTakeOver()
    {
        if (_state.Phase != RunPhase.TakingOver)
            return;

        Timers.Cancel("take over");
        Timers.StartPeriodicTimer("views", ViewTick.Instance, _deadlines.Beat);
        if (_reports.Values.Select(known => known.View).MaxBy(view => view?.Number ?? 0) is not { } newest)
        {
            TellMembers(new AbortRun(_run, "the Coordinator changed before training began"));
            StartAgain("the Coordinator changed before training began");
            return;
        }

        var position = _reports.Values.Max(report => report.Position);
        _state = _state.In(newest);
        _views = Views.Of(newest, position, _request.Shards, _deadlines, Now);
        Timers.StartPeriodicTimer("progress", ProgressTick.Instance, TimeSpan.FromSeconds(1));
        Say(RunEventKind.State, $"Took over in view {newest.Number} with {string.Join(", ", _reports.Keys)}");

        // Who has not heard of the newest view, or has left it, waits for the next one.
        foreach (var report in _reports.Values.Where(report => report.Waits || report.View?.Number != newest.Number))
            Carry(_views.Halt(new MemberHalted(_run, report.Node, newest.Number, report.Position, report.SumHash), Now));
        foreach (var member in newest.Members.Where(member => !_reports.ContainsKey(member.Node) && Known(member.Node) is not null))
            Carry(_views.Gone(member.Node, "is not in the run any more", Now));
        foreach (var member in newest.Members.Where(member => Known(member.Node) is null))
            Carry(_views.Suspect(new PeerSuspect(_run, _reports.Keys.First(_views.IsMember), newest.Number, [member.Node], position / 2, -1, -1, 0, Diverged: false, $"{member.Node} did not report to the new Coordinator"), Now));
    }

    private void Lose(NodeId node, string reason)
    {
        _invited.Remove(node);
        if (_state.Phase == RunPhase.Preparing && _state.IsChosen(node))
        {
            Say(RunEventKind.State, $"{node} {reason} while it prepared; the others go on without it");
            _state = _state.WithoutChosen(node);
            if (_state.Chosen.IsEmpty)
                Fail($"Lost {node} while preparing, and with it the last node of the run.", badInput: false);
            else
                TryBegin();
        }
        else
        {
            Carry(_views?.Gone(node, reason, Now));
        }
    }

    private void GatherLate()
    {
        // A run that lost all members takes what it can get; one that never began was asked for so many.
        if (_startingState == StartingState.CheckpointIfAny && !_nodes.IsEmpty)
            Form(_nodes.Length);
        else
            Fail($"{_nodes.Length} of {_request.Nodes} nodes registered within {GatherDeadline.TotalSeconds:0} s.", badInput: false);
    }

    private void TryForm() => Form(_request.Nodes);

    private void Form(int wanted)
    {
        var there = _nodes.Where(node => _views is null || _views.MayJoin(node.Id, Now)).Select(node => node.Registration).ToArray();
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
        _request.SampleEvery, _request.CheckpointEvery, _request.MaxStallSeconds, _request.KeepCheckpoints);

    private void Accept(RunPrepared prepared)
    {
        Say(RunEventKind.State, $"{prepared.Node} is ready{(prepared.PackWasCached ? " (data was cached)" : "")}");
        if (_state.Phase == RunPhase.Training && _invited.Remove(prepared.Node) && Known(prepared.Node) is { } node)
        {
            Carry(_views!.Ready(ShardOwnership.Member(node.Registration), Now));
            return;
        }

        _state = _state.Accept(prepared);
        TryBegin();
    }

    private void TryBegin()
    {
        if (_state.Phase != RunPhase.Preparing || !_state.AllPrepared)
            return;

        Timers.Cancel("prepare");
        if (_state.PreparedDifference() is { } difference)
        {
            Fail($"Members are not alike: {difference}", badInput: false);
            return;
        }

        var first = _state.Prepared[_state.Chosen[0].Node].FirstStep;
        var view = new View((_state.View?.Number ?? 0) + 1, ShardOwnership.Even(_state.Chosen, _request.Shards));
        _views = Views.Of(view, 2 * first, _request.Shards, _deadlines, Now) with { Evicted = _views?.Evicted ?? ImmutableDictionary<NodeId, Eviction>.Empty };
        Say(RunEventKind.State, $"Training from step {first} to {_request.Steps}");
        Begin(new ViewDecision.Issue(view, 2 * first, view.Members[0].Node, 0, [], "all are prepared"));
        Timers.StartPeriodicTimer("progress", ProgressTick.Instance, TimeSpan.FromSeconds(1));
        Invite();
    }

    /// <summary>Takes in what the views' state machine made of an event, and does what it decided.</summary>
    private void Carry(Views.Outcome? outcome)
    {
        if (_state.Phase != RunPhase.Training || outcome is not { } happened)
            return;

        _views = happened.Next;
        foreach (var decision in happened.Decisions)
            Carry(decision);
    }

    private void Carry(ViewDecision decision)
    {
        switch (decision)
        {
            case ViewDecision.Halt halt:
                _log.Info("View {View} of run {Run} is over: {Reason}", _views!.View.Number, _run, halt.Reason);
                foreach (var node in halt.Members)
                    Tell(node, new HaltView(_run, _views.View.Number, halt.Reason));
                ProbeAwaited();
                break;
            case ViewDecision.Pause pause:
                Tell(pause.Lead, new PauseView(_run, _views!.View.Number, pause.Reason));
                break;
            case ViewDecision.Evict evict:
                Say(RunEventKind.State, $"Evicted {evict.Node}: it {evict.Reason}");
                Tell(evict.Node, new AbortRun(_run, $"evicted: this node {evict.Reason}"));
                break;
            case ViewDecision.Release release:
                Say(RunEventKind.State, $"{release.Node} {release.Reason}");
                Tell(release.Node, new RunOver(_run));
                break;
            case ViewDecision.Issue issue:
                Begin(issue);
                break;
            case ViewDecision.StopRun stop:
                Stop(stop.Reason);
                break;
            case ViewDecision.AllLost lost:
                StartAgain(lost.Reason);
                break;
            default:
                throw new InvalidOperationException($"View decision {decision.GetType().Name} has no rule.");
        }
    }

    private void Begin(ViewDecision.Issue issue)
    {
        _state = _state.In(issue.View);
        Say(RunEventKind.State, $"View {issue.View.Number} from step {issue.Position / 2}{(issue.Position % 2 == 0 ? "" : ", phase G")} ({issue.Reason}): "
            + string.Join(", ", issue.View.Members.Select(member => $"{member.Node} has shards {member.FirstShard}..{member.FirstShard + member.ShardCount - 1}")));
        TellMembers(new ViewIssued(_run, issue.View, _incarnation, issue.Position, issue.Source, issue.SumHash, [.. issue.Joining], issue.Reason));
        if (_stopReason is not null)
            TellMembers(new StopRun(_run, _stopReason));
    }

    private void Tick()
    {
        if (_state.Phase == RunPhase.Training)
        {
            Carry(_views!.Tick(Now));
            Invite();
        }

        if (_state.Phase is RunPhase.Preparing or RunPhase.Training)
            ProbeAwaited();
    }

    /// <summary>
    /// Asks the processes of those who are awaited whether they live. A port that refuses is the quickest proof of a death; an
    /// answer is a sign of life even where the node's actors are starved.
    /// </summary>
    private void ProbeAwaited()
    {
        var awaited = _state.Phase == RunPhase.Preparing ? [.. _state.Unprepared]
            : _views!.Stage == ViewStage.Changing ? _views.View.Members.Where(member => _views.Awaited.Contains(member.Node)).ToArray()
            : [];
        foreach (var member in awaited.Where(member => _probing.Add(member.Node)))
        {
            Task.Factory.StartNew(() => new Probed(member.Node, _probe(member)), _ended.Token, TaskCreationOptions.LongRunning, TaskScheduler.Default)
                .PipeTo(Self, failure: _ => new Probed(member.Node, ProbeAnswer.Silent));
        }
    }

    private void Accept(Probed probed)
    {
        _probing.Remove(probed.Node);
        if (probed.Answer == ProbeAnswer.Gone)
        {
            Context.Parent.Tell(new CoordinatorActor.NodeIsGone(probed.Node));
            Lose(probed.Node, "is gone: nothing listens on its data port any more");
        }
        else if (probed.Answer == ProbeAnswer.Alive && _views is { } views)
            Carry(views.Alive(probed.Node, views.View.Number, Now));
    }

    private void Accept(PeerSuspect suspect)
    {
        Say(RunEventKind.State, $"{suspect.Node} suspects {string.Join(", ", suspect.Suspects)} in view {suspect.View}, step {suspect.Step}"
            + $"{suspect.Phase switch { 0 => ", phase D", 1 => ", phase G", _ => "" }}: {suspect.Text}");
        Carry(_views?.Suspect(suspect, Now));
    }

    private void Accept(LeaveRun leave)
    {
        if (!_leaving.Contains(leave.Node))
            Say(RunEventKind.State, $"{leave.Node} wants to leave: {leave.Reason}");
        _spare = _spare.Remove(leave.Node);
        _leaving = _leaving.Add(leave.Node);
        if (_invited.Remove(leave.Node) || (_state.Phase == RunPhase.Training && !_views!.IsMember(leave.Node) && !_views.IsJoining(leave.Node)))
            Tell(leave.Node, new RunOver(_run));
        if (_state.Phase == RunPhase.Preparing && _state.IsChosen(leave.Node))
        {
            Tell(leave.Node, new RunOver(_run));
            Lose(leave.Node, "left");
        }

        Carry(_views?.Leave(leave.Node, Now));
    }

    /// <summary>
    /// Asks nodes to join: those that came after the run was formed, those that were evicted and live; and, when members are
    /// missing, those that were there and were not needed.
    /// </summary>
    private void Invite()
    {
        if (_stopReason is not null || !_state.Finished.IsEmpty || _views is not { } views)
            return;

        var members = views.Members.Count(views.IsMember) + views.Joining.Length + _invited.Count;
        var room = views.Room - _nodes.Where(node => _invited.ContainsKey(node.Id)).Sum(node => node.Registration.Devices.Length);
        foreach (var node in _nodes.Where(node => !_invited.ContainsKey(node.Id) && !_leaving.Contains(node.Id) && views.MayJoin(node.Id, Now)))
        {
            if (node.Registration.Devices.Length > room || (_spare.Contains(node.Id) && members >= _request.Nodes) || DiffersFromMembers(node))
                continue;

            _invited.Add(node.Id, Now);
            members++;
            room -= node.Registration.Devices.Length;
            Say(RunEventKind.State, $"Asked {node.Id} to join");
            node.Actor.Tell(Prepare(StartingState.FromMember));
        }
    }

    private bool DiffersFromMembers(KnownNode node) =>
        _nodes.FirstOrDefault(other => _state.IsMember(other.Id)) is { } member && RunState.Difference([member.Registration, node.Registration]) is not null;

    /// <summary>Every member is gone, and with them what they knew: from the newest checkpoint, with whoever is there.</summary>
    private void StartAgain(string reason)
    {
        Say(RunEventKind.State, $"No member is left ({reason}); going on from the newest checkpoint");
        Timers.Cancel("progress");
        // Those that were about to join wait for a member's state, which nobody has any more: they begin anew like the rest.
        TellMembers(new AbortRun(_run, "no member is left to join"));
        _invited.Clear();
        _views = _views is null ? null : _views with { Joining = [] };
        _startingState = StartingState.CheckpointIfAny;
        _state = _state with { Phase = RunPhase.Gathering };
        Timers.StartSingleTimer("gather", GatherDeadlinePassed.Instance, GatherDeadline);
        TryForm();
    }

    private void Announce(ArtifactWritten written) =>
        Say(RunEventKind.Artifact, $"{written.Kind} of step {written.Step}: {written.Path}");

    private void ReportProgress()
    {
        if (_state.Progress.IsEmpty)
            return;

        // Members are never more than one phase apart, and most of them report seldom.
        var newest = _state.Progress.Values.MaxBy(report => report.Step)!;
        var rate = _rate.Observe(newest.Step);
        if (newest.Step == _lastReportedStep)
            return;

        _lastReportedStep = newest.Step;
        var progress = new RunProgress(
            newest.Step, _request.Steps, newest.DiscriminatorLoss, newest.GeneratorLoss, rate, rate * _request.Batch,
            rate > 0 ? (_request.Steps - newest.Step) / rate : 0,
            [.. _state.Progress.Values.OrderBy(report => report.Node.Value, StringComparer.Ordinal)
                .Select(report => new NodeProgress(report.Node.Value, report.Step, report.LiveTensors, report.ResidentBytes))]);
        _events.Append(new RunEvent
        {
            Kind = RunEventKind.Progress,
            Text = $"step {progress.Step}/{progress.Steps}, D {progress.DiscriminatorLoss:0.000}, G {progress.GeneratorLoss:0.000}, {progress.ImagesPerSecond:0} images/s",
            Progress = progress,
        });
    }

    private void Accept(MemberFinished finished)
    {
        if (_state.Phase != RunPhase.Training)
            return;
        _state = _state.Accept(finished);
        Carry(_views!.Finish(finished, Now));
        if (_state.Phase != RunPhase.Training || !_state.AllFinished)
            return;

        ReportProgress();
        if (_state.FinishedDifference() is { } difference)
        {
            Fail($"Members ended differently: {difference}", badInput: false);
            return;
        }

        var lead = _state.Finished[_state.View!.Members[0].Node];
        var result = Result(lead);
        TellMembers(new RunOver(_run));
        _state = _state with { Phase = RunPhase.Over };
        _events.Append(new RunEvent
        {
            Kind = RunEventKind.Finished,
            Text = result.Stopped
                ? $"Stopped after step {result.Steps}: {_stopReason ?? "asked to"}; --resume continues"
                : $"Done: {result.Steps} steps, weights {result.WeightsSha256}",
            Result = result,
        });
        Context.Stop(Self);
    }

    private RunResult Result(MemberFinished lead)
    {
        var images = (lead.Step - lead.FirstStep) * _request.Batch;
        return new RunResult
        {
            Run = _run.Value,
            Folder = _request.Folder,
            Preset = _request.PresetName,
            Data = _request.Data,
            Steps = lead.Step,
            Stopped = lead.Stopped && lead.Step < _request.Steps, // a stop that came with the last step stopped nothing
            Nodes = _state.View!.Members.Length,
            Replicas = _state.View.Members.Sum(member => member.Replicas),
            Shards = _request.Shards,
            GlobalBatch = _request.Batch,
            Seed = _request.Seed,
            SecondsTraining = lead.SecondsTraining,
            ImagesPerSecond = lead.SecondsTraining > 0 ? images / lead.SecondsTraining : 0,
            PhaseSeconds = new PhaseSecondsResult(lead.Phases.Compute, lead.Phases.ExposedCommunication, lead.Phases.Optimizer),
            WeightsSha256 = lead.WeightsSha256,
            Views = _state.View.Number,
            SamplesCommitted = lead.SamplesCommitted,
            Checkpoint = lead.Checkpoint,
            Grid = lead.Grid,
        };
    }

    private void Accept(MemberFailed failed)
    {
        var isJoiner = _state.Phase == RunPhase.Training && !_state.IsMember(failed.Node);
        _invited.Remove(failed.Node);
        if (isJoiner)
        {
            Say(RunEventKind.State, $"{failed.Node} cannot join: {failed.Reason}");
            Carry(_views!.Gone(failed.Node, "failed", Now));
            _leaving = _leaving.Add(failed.Node); // it is not asked again
        }
        else if (_state.IsMember(failed.Node) || _state.IsChosen(failed.Node))
        {
            Fail(failed.BadInput ? failed.Reason : $"{failed.Node}: {failed.Reason}", failed.BadInput);
        }
    }

    private void Stop(string reason)
    {
        _stopReason = reason;
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
        _events.Append(new RunEvent { Kind = RunEventKind.Failed, Text = reason, BadInput = badInput });
        Context.Stop(Self);
    }

    /// <summary>All that have to do with the run: members, those who prepare, those who were asked to join.</summary>
    private void TellMembers(IClusterMessage message)
    {
        foreach (var node in _nodes.Where(node => _state.Phase == RunPhase.Preparing ? _state.IsChosen(node.Id) : _state.IsMember(node.Id)))
            node.Actor.Tell(message);
        foreach (var node in _nodes.Where(node => message is AbortRun or RunOver && (_invited.ContainsKey(node.Id) || _views?.IsJoining(node.Id) == true)))
            node.Actor.Tell(message);
    }

    private void Tell(NodeId node, IClusterMessage message) => Known(node)?.Actor.Tell(message);

    private KnownNode? Known(NodeId node) => _nodes.FirstOrDefault(known => known.Id == node);

    private void Say(RunEventKind kind, string text) => _events.Append(new RunEvent { Kind = kind, Text = text });
}
