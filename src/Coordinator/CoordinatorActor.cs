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
public sealed partial class CoordinatorActor : ReceiveActor
{
    /// <summary>From HTTP: train this. Answered with <see cref="Accepted"/> or <see cref="Refused"/>.</summary>
    /// <param name="By">Who asks, for the log and the run's events.</param>
    public sealed record SubmitRun(RunRequest Request, string By = "HTTP");

    /// <summary>From HTTP: draw this. Answered like <see cref="SubmitRun"/>.</summary>
    public sealed record SubmitGeneration(GenerationRequest Request, string By = "HTTP");

    /// <summary>From a run: this node's process is known to be dead, long before the cluster's failure detector sees it.</summary>
    public sealed record NodeIsGone(NodeId Node);

    /// <summary>
    /// From HTTP: does a node's actor answer the one here? Answered with its <see cref="ActorIdentity"/>, with <see cref="SteeringAnswer"/> where no such node
    /// is registered, and with nothing by a node that does not.
    /// </summary>
    public sealed record PingNode(string Node);

    private readonly ILoggingAdapter _log = Context.GetLogger();
    private readonly Func<RunId, RunRequest, RunRecord?, Props> _runProps;
    private readonly Func<JobId, GenerationRequest, Props> _generationProps;
    private readonly TimeProvider _time;
    private readonly JobEvents? _events;
    private readonly string _runsFolder;
    private ImmutableSortedDictionary<string, KnownNode> _nodes = ImmutableSortedDictionary.Create<string, KnownNode>(StringComparer.Ordinal);
    private ImmutableDictionary<string, IActorRef> _jobs = [];
    private ImmutableHashSet<string> _ended = [];
    private string? _activeRun;

    public CoordinatorActor(
        Func<RunId, RunRequest, RunRecord?, Props> runProps, Func<JobId, GenerationRequest, Props> generationProps, TimeProvider time,
        JobEvents? events = null, string? runsFolder = null)
    {
        _events = events;
        _runsFolder = runsFolder ?? Path.GetFullPath("runs");
        _runProps = runProps;
        _generationProps = generationProps;
        _time = time;

        Receive<RegisterNode>(Register);
        Receive<SubmitRun>(submit => Sender.Tell(Submit(submit.Request, submit.By)));
        Receive<SubmitGeneration>(submit => Sender.Tell(Submit(submit.Request, submit.By)));
        Receive<NodeIsGone>(gone => Down(gone.Node));
        Receive<Terminated>(gone => Forget(gone.ActorRef));
        ReceiveSteering();
    }

    /// <param name="runsFolder">Where runs go whose folder is not said; absolute.</param>
    public static Props Props(JobEvents events, PackServer packs, TimeProvider time, string runsFolder) =>
        Akka.Actor.Props.Create(() => new CoordinatorActor(
            (run, request, found) => RunActor.Props(
                run, request, found, events.Open(run.Value), packs, time,
                member => Probe.Ask(member.Host, member.Port, StallDeadlines.OfSeconds(request.MaxStallSeconds).Probe, member.Node.Value)),
            (job, request) => GenerationActor.Props(job, request, events.Open(job.Value), time),
            time, events, runsFolder));

    /// <summary>A job's actor that fails has said so to those who follow the job; it is not begun again.</summary>
    protected override SupervisorStrategy SupervisorStrategy() => new OneForOneStrategy(_ => Directive.Stop);

    protected override void PreStart() => Telemetry.Decide(() => Volatile.Read(ref _nodes).Count);

    protected override void PostStop() => Telemetry.Decide(null);

    private void Register(RegisterNode registration)
    {
        Sender.Tell(new NodeRegistered(registration.Node));
        if (!_nodes.TryGetValue(registration.Node.Value, out var known) || !known.Actor.Equals(Sender))
            Greet(registration);
        else if (known.Registration.DrainedBy != registration.DrainedBy)
            Sender.Tell(new NodeDrained(known.Registration.DrainedBy)); // the order may have been lost on its way
        if (registration.Run is { } active && !_jobs.ContainsKey(active.Run.Value))
            TakeOver(active);
    }

    private void Greet(RegisterNode registration)
    {
        _log.Info("Node {Node} registered with {Devices} at {Host}:{Port}",
            registration.Node, string.Join(",", registration.Devices), registration.DataHost, registration.DataPort);
        _nodes = _nodes.SetItem(registration.Node.Value, new KnownNode(registration, Sender));
        _registeredAt[registration.Node.Value] = _time.GetUtcNow();
        Context.Watch(Sender);
        if (registration.Run is { } run && _trials.ContainsKey(run.Run.Value))
            _trialOf[registration.Node.Value] = run.Run.Value;
        Assign();
        TellJobs([]);
    }

    private object Submit(RunRequest request, string by)
    {
        var problems = request.Problems();
        if (problems.Count == 0 && WhyNotNow(request) is { } reason)
            problems = [reason];
        if (problems.Count > 0)
            return new Refused(problems);

        var run = new RunId(NewId(request.PresetName));
        Activate(run.Value, request);
        SayWhoStarted(run.Value, by);
        StartJob(run.Value, _runProps(run, request, null));
        return new Accepted(run.Value);
    }

    private void SayWhoStarted(string id, string by)
    {
        _log.Info("Job {Job} was started by {By}", id, by);
        _events?.Open(id).Append(new RunEvent { Kind = RunEventKind.State, Text = $"Started by {by}" });
    }

    /// <summary>
    /// A node says that it is in a run this Coordinator has never heard of: another one began it, and is gone. It is taken over, once, from
    /// what it wrote down and what the members report.
    /// </summary>
    private void TakeOver(ActiveRun active)
    {
        if (_ended.Contains(active.Run.Value))
        {
            Sender.Tell(new AbortRun(active.Run, "this run is over"));
            return;
        }

        var record = RunRecord.Find(active);
        if (_activeRun is not null || (!_trials.IsEmpty && record?.Request.Trial == false))
        {
            // A run was begun before the first of these nodes had registered here: nobody would lead theirs, and it holds the nodes.
            _log.Warning("Run {Run} goes on in {Folder} while run {Active} was begun here; its members are told to drop it", active.Run, active.Folder, ActiveRuns);
            Sender.Tell(new AbortRun(active.Run, $"run {ActiveRuns} was begun before the Coordinator knew of this one; resume it when that is over"));
            return;
        }

        if (record is null)
        {
            _log.Warning("Run {Run} goes on in {Folder}, but nothing there says what it is; its members are told to drop it", active.Run, active.Folder);
            Sender.Tell(new AbortRun(active.Run, "the Coordinator that began it is gone and left no record of it"));
            return;
        }

        _log.Warning("Taking over run {Run} in {Folder}", active.Run, active.Folder);
        Activate(record.Run, record.Request);
        StartJob(record.Run, _runProps(active.Run, record.Request, record));
    }

    private object Submit(GenerationRequest request, string by)
    {
        var problems = request.Problems();
        if (problems.Count > 0)
            return new Refused(problems);

        var job = new JobId(NewId("generate"));
        SayWhoStarted(job.Value, by);
        StartJob(job.Value, _generationProps(job, request));
        return new Accepted(job.Value);
    }

    private void StartJob(string id, Props props)
    {
        var job = Context.Watch(Context.ActorOf(props, id));
        _jobs = _jobs.Add(id, job);
        job.Tell(new NodesChanged(NodesFor(id), []));
    }

    /// <summary>
    /// A dead node that is still a member of the cluster holds up joining and leaving, and the move of a Coordinator, until the
    /// split-brain resolver has waited for it: some half a minute. This is a fact, so it is taken out at once.
    /// </summary>
    private void Down(NodeId node)
    {
        if (!_nodes.TryGetValue(node.Value, out var known))
            return;
        if (known.Actor.Path.Address is { HasLocalScope: false } address)
        {
            _log.Info("Node {Node} at {Address} is dead; taking it out of the cluster", node, address);
            Akka.Cluster.Cluster.Get(Context.System).Down(address);
        }

        Forget(known.Actor); // its Terminated comes when all members agree, some ten seconds later
    }

    private void Forget(IActorRef gone)
    {
        if (_jobs.FirstOrDefault(job => job.Value.Equals(gone)) is { Key: not null } ended)
        {
            _jobs = _jobs.Remove(ended.Key);
            if (_activeRun == ended.Key)
                _activeRun = null;
            _ended = _ended.Add(ended.Key);
            EndTrial(ended.Key);
            return;
        }

        if (_nodes.Values.FirstOrDefault(node => node.Actor.Equals(gone)) is not { } lost)
            return;

        _log.Warning("Node {Node} is gone", lost.Id);
        _nodes = _nodes.Remove(lost.Id.Value);
        _registeredAt.Remove(lost.Id.Value);
        _trialOf.Remove(lost.Id.Value);
        Assign();
        TellJobs([lost.Id]);
    }

    private void TellJobs(ImmutableArray<NodeId> lost)
    {
        foreach (var (id, job) in _jobs)
            job.Tell(new NodesChanged(NodesFor(id), lost));
    }

    /// <summary>Ids are also actor names and parts of wire headers: letters, digits, dashes.</summary>
    private string NewId(string name)
    {
        var safe = new string([.. name.Select(c => char.IsAsciiLetterOrDigit(c) ? char.ToLowerInvariant(c) : '-')]);
        return string.Create(CultureInfo.InvariantCulture,
            $"{safe}-{_time.GetUtcNow():yyyyMMdd-HHmmss}-{Guid.NewGuid().ToString("N")[..6]}");
    }
}
