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
    /// <summary>How often the node says that it is there; a Coordinator that moved learns of it within this.</summary>
    public static readonly TimeSpan RegistrationPeriod = TimeSpan.FromSeconds(3);

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
    private bool _registered;

    public NodeActor(
        IActorRef coordinator, RegisterNode registration,
        Func<PrepareRun, IActorRef, Props> runProps, Func<StartSampling, IActorRef, Props> samplerProps)
    {
        _coordinator = coordinator;
        _registration = registration;
        _runProps = runProps;
        _samplerProps = samplerProps;

        Receive<RegistrationTick>(_ => _coordinator.Tell(_registration));
        Receive<NodeRegistered>(_ =>
        {
            if (!_registered)
                _log.Info("Registered with the Coordinator as {Node}", _registration.Node);
            _registered = true;
        });
        Receive<PrepareRun>(Prepare);
        Receive<BeginTraining>(begin => TellRun(begin.Run, begin));
        Receive<StopRun>(stop => TellRun(stop.Run, stop));
        Receive<AbortRun>(abort => TellRun(abort.Run, abort));
        Receive<StartSampling>(Sample);
        Receive<UnitLeased>(leased => TellSampler(leased.Job, leased));
        Receive<StopSampling>(stop => TellSampler(stop.Job, stop));
        Receive<Terminated>(ended =>
        {
            if (ended.ActorRef.Equals(_run))
                (_run, _runId) = (ActorRefs.Nobody, null);
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

    private void Prepare(PrepareRun prepare)
    {
        if (_runId is { } busy)
        {
            Sender.Tell(new MemberFailed(prepare.Run, _registration.Node, $"still busy with run {busy}", BadInput: false, LostPeer: false));
            return;
        }

        _runId = prepare.Run;
        _run = Context.Watch(Context.ActorOf(_runProps(prepare, Sender)));
    }

    private void TellRun(RunId run, object message)
    {
        if (_runId == run)
            _run.Forward(message);
        else
            _log.Info("{Message} for run {Run}, which is not (any more) on this node", message.GetType().Name, run);
    }

    private void Sample(StartSampling start)
    {
        var name = start.Job.Value;
        if (Context.Child(name).IsNobody())
            Context.ActorOf(_samplerProps(start, Sender), name);
    }

    private static void TellSampler(JobId job, object message) => Context.Child(job.Value).Forward(message);
}
