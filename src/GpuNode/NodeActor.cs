using Akka.Actor;
using Akka.Event;
using Ganymede.GpuNode.Runs;
using Ganymede.GpuNode.Sampling;
using Ganymede.Messages;

namespace Ganymede.GpuNode;

/// <summary>
/// The node's one address for the Coordinator: keeps it registered, and gives each run and each generation job an actor of
/// its own. Those answer whoever asked, so what they say reaches the run or job, not the Coordinator's front.
/// </summary>
public sealed class NodeActor : ReceiveActor, IWithTimers
{
    /// <summary>How often the node says that it is there until it is heard; a Coordinator that moved learns of it within this.</summary>
    public static readonly TimeSpan RegistrationPeriod = TimeSpan.FromSeconds(3);

    /// <summary>The same once it is known: only for a Coordinator that has forgotten it without a word.</summary>
    public static readonly TimeSpan RepetitionPeriod = TimeSpan.FromSeconds(45);

    /// <summary>From this process, which was asked to end: leave the run after the step in hand. Answered with <see cref="Left"/>.</summary>
    public sealed record Leave(string Reason);

    /// <summary>No run is on this node any more, and none will be.</summary>
    public sealed record Left
    {
        public static readonly Left Instance = new();
    }

    private sealed record RegistrationTick
    {
        public static readonly RegistrationTick Instance = new();
    }

    private readonly ILoggingAdapter _log = Context.GetLogger();
    private readonly IActorRef _coordinator;
    private readonly RegisterNode _registration;
    private readonly Func<PrepareRun, IActorRef, Props> _runProps;
    private readonly Func<StartSampling, IActorRef, Props> _samplerProps;
    private IActorRef _run = ActorRefs.Nobody;
    private RunId? _runId;
    private ActiveRun? _activeRun;
    private string? _drainedBy;
    private (PrepareRun Prepare, IActorRef Coordinator)? _next;
    private readonly Dictionary<string, (StartSampling Start, IActorRef Coordinator)> _nextSampling = [];
    private IActorRef _leaver = ActorRefs.Nobody;
    private IActorRef _registrar = ActorRefs.Nobody;

    public NodeActor(
        IActorRef coordinator, RegisterNode registration,
        Func<PrepareRun, IActorRef, Props> runProps, Func<StartSampling, IActorRef, Props> samplerProps)
    {
        _coordinator = coordinator;
        _registration = registration;
        _runProps = runProps;
        _samplerProps = samplerProps;

        Receive<RegistrationTick>(_ => _coordinator.Tell(_registration with { Run = _activeRun, DrainedBy = _drainedBy }));
        Receive<NodeRegistered>(_ =>
        {
            if (_registrar.Equals(Sender))
                return;
            _log.Info("Registered with the Coordinator as {Node}", _registration.Node);
            Context.Unwatch(_registrar);
            _registrar = Context.Watch(Sender);
            Timers.StartPeriodicTimer("register", RegistrationTick.Instance, RepetitionPeriod);
        });
        Receive<PrepareRun>(Prepare);
        Receive<ViewIssued>(issued => TellRun(issued.Run, issued));
        Receive<HaltView>(halt => TellRun(halt.Run, halt));
        Receive<DescribeMember>(describe => TellRun(describe.Run, describe));
        Receive<PauseView>(pause => TellRun(pause.Run, pause));
        Receive<HoldRun>(hold => TellRun(hold.Run, hold));
        Receive<CheckpointRun>(checkpoint => TellRun(checkpoint.Run, checkpoint));
        Receive<NodeDrained>(drained =>
        {
            _log.Info(drained.By is null ? "This node gets work again{By}" : "Drained by {By}: this node gets no new work", drained.By ?? "");
            _drainedBy = drained.By;
        });
        Receive<ResolvePreset>(question => Sender.Tell(PresetAnswers.Resolve(question)));
        Receive<RunOver>(over => TellRun(over.Run, over));
        Receive<StopRun>(stop => TellRun(stop.Run, stop));
        Receive<AbortRun>(abort =>
        {
            if (_next?.Prepare.Run == abort.Run)
                _next = null;
            TellRun(abort.Run, abort);
        });
        Receive<Leave>(leave =>
        {
            _leaver = Sender;
            if (_runId is null)
                _leaver.Tell(Left.Instance);
            else
                _run.Tell(leave);
        });
        Receive<StartSampling>(start => Sample(start, Sender));
        Receive<UnitLeased>(leased => TellSampler(leased.Job, leased));
        Receive<StopSampling>(stop =>
        {
            _nextSampling.Remove(stop.Job.Value);
            TellSampler(stop.Job, stop);
        });
        Receive<Terminated>(ended =>
        {
            if (ended.ActorRef.Equals(_registrar))
            {
                _registrar = ActorRefs.Nobody;
                Timers.StartPeriodicTimer("register", RegistrationTick.Instance, TimeSpan.Zero, RegistrationPeriod);
            }

            if (_nextSampling.Remove(ended.ActorRef.Path.Name, out var sampling))
                Sample(sampling.Start, sampling.Coordinator);
            if (!ended.ActorRef.Equals(_run))
                return;
            (_run, _runId, _activeRun) = (ActorRefs.Nobody, null, null);
            if (!_leaver.IsNobody())
                _leaver.Tell(Left.Instance);
            else if (_next is { } next)
                Start(next.Prepare, next.Coordinator);
        });
    }

    public static Props Props(IActorRef coordinator, RegisterNode registration, NodeServices services) =>
        Akka.Actor.Props.Create(() => new NodeActor(
            coordinator, registration,
            (prepare, run) => TrainingActor.Props(prepare, run, registration.Node, services),
            (start, job) => SamplerActor.Props(start, job, registration.Node, services)));

    public ITimerScheduler Timers { get; set; } = null!; // Akka sets it before PreStart

    protected override void PreStart() =>
        Timers.StartPeriodicTimer("register", RegistrationTick.Instance, TimeSpan.Zero, RegistrationPeriod);

    /// <summary>
    /// The newest order counts: what is left of a run before this one, or of this node's first part in it, is not led by anybody any more, or is at its
    /// end. Its threads end between two shards; the order waits for that.
    /// </summary>
    private void Prepare(PrepareRun prepare)
    {
        if (!_leaver.IsNobody())
        {
            Sender.Tell(new LeaveRun(prepare.Run, _registration.Node, "it was asked to end"));
            return;
        }

        if (_runId is null)
        {
            Start(prepare, Sender);
            return;
        }

        _log.Info("Run {Run} waits for the end of {Busy} on this node", prepare.Run, _runId);
        _next = (prepare, Sender);
        _run.Tell(new AbortRun(_runId.Value, $"this node was asked to prepare {prepare.Run}"));
    }

    private void Start(PrepareRun prepare, IActorRef coordinatorsRun)
    {
        _next = null;
        _runId = prepare.Run;
        _activeRun = new ActiveRun(prepare.Run, prepare.Plan.Folder);
        _run = Context.Watch(Context.ActorOf(_runProps(prepare, coordinatorsRun)));
    }

    private void TellRun(RunId run, object message)
    {
        if (_runId == run)
            _run.Forward(message);
        else
            _log.Info("{Message} for run {Run}, which is not (any more) on this node", message.GetType().Name, run);
    }

    private void Sample(StartSampling start, IActorRef coordinatorsJob)
    {
        var name = start.Job.Value;
        if (Context.Child(name).IsNobody())
        {
            Context.Watch(Context.ActorOf(_samplerProps(start, coordinatorsJob), name));
        }
        else
        {
            _nextSampling[name] = (start, coordinatorsJob); // it may be on its way to its end, after a word to stop: the order waits for that
        }
    }

    private static void TellSampler(JobId job, object message) => Context.Child(job.Value).Forward(message);
}
