using Akka.Actor;
using Akka.Event;
using Ganymede.Messages;

namespace Ganymede.GpuNode.Runs;

/// <summary>
/// One run on this node, for the Coordinator: passes orders to the <see cref="TrainingSession"/>, whose threads own the
/// tensors, and its reports back. Ends when the session's threads have ended.
/// </summary>
public sealed class TrainingActor : ReceiveActor, IWithTimers
{
    /// <summary>From the session, as its very last word: every thread has ended.</summary>
    public sealed record SessionEnded
    {
        public static readonly SessionEnded Instance = new();
    }

    /// <summary>From the session's threads: say this to the Coordinator.</summary>
    public sealed record Report(IClusterMessage Message);

    private sealed record Beat
    {
        public static readonly Beat Instance = new();
    }

    private static readonly TimeSpan _leavePeriod = TimeSpan.FromSeconds(1);

    private readonly ILoggingAdapter _log = Context.GetLogger();
    private readonly PrepareRun _prepare;
    private IActorRef _coordinatorsRun;
    private IClusterMessage? _sign;
    private readonly NodeId _node;
    private readonly NodeServices _services;
    private readonly StallDeadlines _deadlines;
    private TrainingSession? _session;

    public TrainingActor(PrepareRun prepare, IActorRef coordinatorsRun, NodeId node, NodeServices services)
    {
        _prepare = prepare;
        _coordinatorsRun = coordinatorsRun;
        _node = node;
        _services = services;
        _deadlines = StallDeadlines.OfSeconds(prepare.Plan.MaxStallSeconds);

        Receive<Report>(Pass);
        Receive<ViewIssued>(issued =>
        {
            Hear();
            if (_session!.Begin(issued)) // one that is told again changes nothing
                Timers.Cancel(Beat.Instance);
        });
        Receive<HaltView>(halt =>
        {
            Hear();
            ShowLife(new MemberAlive(prepare.Run, node, halt.View), _deadlines.Beat);
            _session!.Halt(halt.View, halt.Reason);
        });
        Receive<PauseView>(pause =>
        {
            Hear();
            _session!.Orders.Pause(pause.View, pause.Checkpoint);
        });
        Receive<HoldRun>(_ =>
        {
            Hear();
            _session!.Hold();
        });
        Receive<CheckpointRun>(_ => _session!.Orders.RequestCheckpoint());
        Receive<DescribeMember>(_ =>
        {
            Hear();
            Sender.Tell(_session!.Describe());
        });
        Receive<Beat>(_ => _coordinatorsRun.Tell(_sign));
        Receive<NodeActor.Leave>(leave =>
        {
            // Said again until it is answered: the Coordinator may just be moving.
            Timers.StartPeriodicTimer(nameof(LeaveRun), new LeaveRun(prepare.Run, node, leave.Reason), TimeSpan.Zero, _leavePeriod);
        });
        Receive<LeaveRun>(leave => _coordinatorsRun.Tell(leave));
        Receive<StopRun>(stop => _session!.RequestStop(stop.Reason));
        Receive<AbortRun>(abort => _session!.Abort(abort.Reason));
        Receive<RunOver>(_ => _session!.Finish());
        Receive<Terminated>(gone => _log.Warning("The Coordinator's side of run {Run} is gone; training goes on", _prepare.Run));
        Receive<SessionEnded>(_ => Context.Stop(Self));
    }

    public static Props Props(PrepareRun prepare, IActorRef coordinatorsRun, NodeId node, NodeServices services) =>
        Akka.Actor.Props.Create(() => new TrainingActor(prepare, coordinatorsRun, node, services));

    public ITimerScheduler Timers { get; set; } = null!; // Akka sets it before PreStart

    protected override void PreStart()
    {
        Context.Watch(_coordinatorsRun);
        var self = Self; // the context is not there on the session's threads
        _session = new TrainingSession(
            _prepare, _node, _services,
            report: message => self.Tell(new Report(message)), ended: () => self.Tell(SessionEnded.Instance));
        _session.Start();
    }

    protected override void PostStop() => _session?.Abort("the node's actor stopped");

    /// <summary>
    /// Says it to the Coordinator, and says it again while a view changes: that is a sign of life, and a Coordinator that
    /// took the run over meanwhile needs to hear it, too. Whoever waits for its first view says so less often, for as long as that takes.
    /// </summary>
    private void Pass(Report report)
    {
        _coordinatorsRun.Tell(report.Message);
        if (report.Message is MemberHalted or MemberFinished)
            ShowLife(report.Message, _deadlines.Beat);
        else if (report.Message is PeerSuspect suspect)
            ShowLife(new MemberAlive(suspect.Run, suspect.Node, suspect.View), _deadlines.Beat);
        else if (report.Message is RunPrepared)
            ShowLife(report.Message, _deadlines.MaxStall);
    }

    private void ShowLife(IClusterMessage sign, TimeSpan period)
    {
        if (sign is not MemberAlive || !Timers.IsTimerActive(Beat.Instance))
            _sign = sign;
        if (sign is MemberAlive)
            _coordinatorsRun.Tell(sign);
        Timers.StartPeriodicTimer(Beat.Instance, Beat.Instance, period);
    }

    /// <summary>Who gives orders gets the reports: a Coordinator's successor, too.</summary>
    private void Hear()
    {
        if (_coordinatorsRun.Equals(Sender))
            return;
        Context.Unwatch(_coordinatorsRun);
        _coordinatorsRun = Context.Watch(Sender);
    }
}
