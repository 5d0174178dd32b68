using Akka.Actor;
using Akka.Event;
using Ganymede.Messages;

namespace Ganymede.GpuNode.Runs;

/// <summary>
/// One run on this node, for the Coordinator: passes orders to the <see cref="TrainingSession"/>, whose threads own the
/// tensors, and its reports back. Ends when the session's threads have ended.
/// </summary>
public sealed class TrainingActor : ReceiveActor
{
    /// <summary>From the session, as its very last word: every thread has ended.</summary>
    public sealed record SessionEnded
    {
        public static readonly SessionEnded Instance = new();
    }

    /// <summary>From the session's threads: say this to the Coordinator.</summary>
    public sealed record Report(IClusterMessage Message);

    private readonly ILoggingAdapter _log = Context.GetLogger();
    private readonly PrepareRun _prepare;
    private readonly IActorRef _coordinatorsRun;
    private readonly NodeId _node;
    private readonly NodeServices _services;
    private TrainingSession? _session;

    public TrainingActor(PrepareRun prepare, IActorRef coordinatorsRun, NodeId node, NodeServices services)
    {
        _prepare = prepare;
        _coordinatorsRun = coordinatorsRun;
        _node = node;
        _services = services;

        Receive<Report>(report => _coordinatorsRun.Tell(report.Message));
        Receive<BeginTraining>(begin =>
        {
            if (begin.View == _prepare.View.Number)
                _session!.Begin();
            else
                _log.Warning("Told to begin in view {Other}, prepared for view {View}", begin.View, _prepare.View.Number);
        });
        Receive<StopRun>(stop => _session!.RequestStop(stop.Reason));
        Receive<AbortRun>(abort => _session!.Abort(abort.Reason));
        Receive<Terminated>(_ => _session!.Abort("the Coordinator's side of the run is gone"));
        Receive<SessionEnded>(_ => Context.Stop(Self));
    }

    public static Props Props(PrepareRun prepare, IActorRef coordinatorsRun, NodeId node, NodeServices services) =>
        Akka.Actor.Props.Create(() => new TrainingActor(prepare, coordinatorsRun, node, services));

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
}
