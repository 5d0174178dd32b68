using System.Collections.Immutable;
using System.Globalization;
using Akka.Actor;
using Akka.Event;
using Ganymede.Collectives;
using Ganymede.Coordinator.Generation;
using Ganymede.Coordinator.Runs;
using Ganymede.Messages;
using Ganymede.Messages.Api;

namespace Ganymede.Coordinator;

/// <summary>The cluster singleton: knows the nodes, takes jobs in, and gives each to an actor of its own.</summary>
public sealed class CoordinatorActor : ReceiveActor
{
    /// <summary>From HTTP: train this. Answered with <see cref="Accepted"/> or <see cref="Refused"/>.</summary>
    public sealed record SubmitRun(RunRequest Request);

    /// <summary>From HTTP: draw this. Answered like <see cref="SubmitRun"/>.</summary>
    public sealed record SubmitGeneration(GenerationRequest Request);

    /// <summary>From HTTP: stop this job after the step in hand. Answered with true if it runs.</summary>
    public sealed record StopJob(string Id, string Reason);

    /// <summary>From a run: this node's process is known to be dead, long before the cluster's failure detector sees it.</summary>
    public sealed record NodeIsGone(NodeId Node);

    /// <summary>From HTTP: who is here? Answered with <see cref="NodesChanged"/>.</summary>
    public sealed record DescribeNodes
    {
        public static readonly DescribeNodes Instance = new();
    }

    private readonly ILoggingAdapter _log = Context.GetLogger();
    private readonly Func<RunId, RunRequest, RunRecord?, Props> _runProps;
    private readonly Func<JobId, GenerationRequest, Props> _generationProps;
    private readonly TimeProvider _time;
    private ImmutableSortedDictionary<string, KnownNode> _nodes = ImmutableSortedDictionary.Create<string, KnownNode>(StringComparer.Ordinal);
    private ImmutableDictionary<string, IActorRef> _jobs = [];
    private ImmutableHashSet<string> _ended = [];
    private string? _activeRun;

    public CoordinatorActor(
        Func<RunId, RunRequest, RunRecord?, Props> runProps, Func<JobId, GenerationRequest, Props> generationProps, TimeProvider time)
    {
        _runProps = runProps;
        _generationProps = generationProps;
        _time = time;

        Receive<RegisterNode>(Register);
        Receive<SubmitRun>(Submit);
        Receive<SubmitGeneration>(Submit);
        Receive<StopJob>(stop =>
        {
            var runs = _jobs.TryGetValue(stop.Id, out var job);
            job?.Tell(stop);
            Sender.Tell(runs);
        });
        Receive<DescribeNodes>(_ => Sender.Tell(new NodesChanged([.. _nodes.Values], [])));
        Receive<NodeIsGone>(gone => Down(gone.Node));
        Receive<Terminated>(gone => Forget(gone.ActorRef));
    }

    public static Props Props(JobEvents events, PackServer packs, TimeProvider time) =>
        Akka.Actor.Props.Create(() => new CoordinatorActor(
            (run, request, found) => RunActor.Props(
                run, request, found, events.Open(run.Value), packs, time,
                member => Probe.Ask(member.Host, member.Port, StallDeadlines.OfSeconds(request.MaxStallSeconds).Probe)),
            (job, request) => GenerationActor.Props(job, request, events.Open(job.Value), time),
            time));

    protected override void PreStart() => Telemetry.Decide(() => Volatile.Read(ref _nodes).Count);

    protected override void PostStop() => Telemetry.Decide(null);

    private void Register(RegisterNode registration)
    {
        Sender.Tell(new NodeRegistered(registration.Node));
        if (!_nodes.TryGetValue(registration.Node.Value, out var known) || !known.Actor.Equals(Sender))
            Greet(registration);
        if (registration.Run is { } active && !_jobs.ContainsKey(active.Run.Value))
            TakeOver(active);
    }

    private void Greet(RegisterNode registration)
    {
        _log.Info("Node {Node} registered with {Devices} at {Host}:{Port}",
            registration.Node, string.Join(",", registration.Devices), registration.DataHost, registration.DataPort);
        _nodes = _nodes.SetItem(registration.Node.Value, new KnownNode(registration, Sender));
        Context.Watch(Sender);
        TellJobs([]);
    }

    private void Submit(SubmitRun submit)
    {
        var problems = submit.Request.Problems();
        if (problems.Count == 0 && _activeRun is not null)
            problems = [$"Run {_activeRun} is still going on; this cluster trains one run at a time."];
        if (problems.Count > 0)
        {
            Sender.Tell(new Refused(problems));
            return;
        }

        var run = new RunId(NewId(submit.Request.PresetName));
        _activeRun = run.Value;
        StartJob(run.Value, _runProps(run, submit.Request, null));
        Sender.Tell(new Accepted(run.Value));
    }

    /// <summary>
    /// A node says that it is in a run this Coordinator has never heard of: another one began it, and is gone. It is taken over, once, from
    /// what it wrote down and what the members report.
    /// </summary>
    private void TakeOver(ActiveRun active)
    {
        if (_activeRun is not null || _ended.Contains(active.Run.Value))
            return;
        if (RunRecord.Find(active) is not { } record)
        {
            _log.Warning("Run {Run} goes on in {Folder}, but nothing there says what it is; its members are told to drop it", active.Run, active.Folder);
            Sender.Tell(new AbortRun(active.Run, "the Coordinator that began it is gone and left no record of it"));
            return;
        }

        _log.Warning("Taking over run {Run} in {Folder}", active.Run, active.Folder);
        _activeRun = record.Run;
        StartJob(record.Run, _runProps(active.Run, record.Request, record));
    }

    private void Submit(SubmitGeneration submit)
    {
        var problems = submit.Request.Problems();
        if (problems.Count > 0)
        {
            Sender.Tell(new Refused(problems));
            return;
        }

        var job = new JobId(NewId("generate"));
        StartJob(job.Value, _generationProps(job, submit.Request));
        Sender.Tell(new Accepted(job.Value));
    }

    private void StartJob(string id, Props props)
    {
        var job = Context.Watch(Context.ActorOf(props, id));
        _jobs = _jobs.Add(id, job);
        job.Tell(new NodesChanged([.. _nodes.Values], []));
    }

    /// <summary>
    /// A dead node that is still a member of the cluster holds up joining and leaving, and the move of a Coordinator, until the
    /// split-brain resolver has waited for it: some half a minute. This is a fact, so it is taken out at once.
    /// </summary>
    private void Down(NodeId node)
    {
        if (!_nodes.TryGetValue(node.Value, out var known) || known.Actor.Path.Address.HasLocalScope)
            return;
        _log.Info("Node {Node} at {Address} is dead; taking it out of the cluster", node, known.Actor.Path.Address);
        Akka.Cluster.Cluster.Get(Context.System).Down(known.Actor.Path.Address);
    }

    private void Forget(IActorRef gone)
    {
        if (_jobs.FirstOrDefault(job => job.Value.Equals(gone)) is { Key: not null } ended)
        {
            _jobs = _jobs.Remove(ended.Key);
            if (_activeRun == ended.Key)
                _activeRun = null;
            _ended = _ended.Add(ended.Key);
            return;
        }

        if (_nodes.Values.FirstOrDefault(node => node.Actor.Equals(gone)) is not { } lost)
            return;

        _log.Warning("Node {Node} is gone", lost.Id);
        _nodes = _nodes.Remove(lost.Id.Value);
        TellJobs([lost.Id]);
    }

    private void TellJobs(ImmutableArray<NodeId> lost)
    {
        foreach (var job in _jobs.Values)
            job.Tell(new NodesChanged([.. _nodes.Values], lost));
    }

    /// <summary>Ids are also actor names and parts of wire headers: letters, digits, dashes.</summary>
    private string NewId(string name)
    {
        var safe = new string([.. name.Select(c => char.IsAsciiLetterOrDigit(c) ? char.ToLowerInvariant(c) : '-')]);
        return string.Create(CultureInfo.InvariantCulture,
            $"{safe}-{_time.GetUtcNow():yyyyMMdd-HHmmss}-{Guid.NewGuid().ToString("N")[..6]}");
    }
}
