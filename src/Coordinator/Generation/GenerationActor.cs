using System.Collections.Immutable;
using Akka.Actor;
using Akka.Event;
using Ganymede.Coordinator.Runs;
using Ganymede.Messages;
using Ganymede.Messages.Api;
using Ganymede.Storage;

namespace Ganymede.Coordinator.Generation;

/// <summary>
/// Takes one generation job to its end: waits for samplers to load the generator, leases units to those that ask, takes
/// back what a lost one held, and joins the metadata when every unit is stored.
/// </summary>
public sealed class GenerationActor : JobActor, IWithTimers
{
    /// <summary>A unit not stored within this, since it was handed out or its holder stored another one, is leased again.</summary>
    public static readonly TimeSpan LeaseTime = TimeSpan.FromMinutes(2);

    private sealed record Joined(string Metadata);

    private sealed record NotJoined(string Reason);

    private sealed record Tick
    {
        public static readonly Tick Instance = new();
    }

    private sealed record StartDeadlinePassed
    {
        public static readonly StartDeadlinePassed Instance = new();
    }

    private sealed record ReadyDeadlinePassed
    {
        public static readonly ReadyDeadlinePassed Instance = new();
    }

    private readonly ILoggingAdapter _log = Context.GetLogger();
    private readonly JobId _job;
    private readonly GenerationRequest _request;
    private readonly GenerationPlan _plan;
    private readonly EventLog _events;
    private readonly TimeProvider _time;
    private readonly RunRate _rate;
    private readonly long _started;
    private readonly Dictionary<NodeId, IActorRef> _asked = [];
    private readonly HashSet<NodeId> _samplers = [];
    private readonly Queue<RequestUnit> _waiting = new();
    private ImmutableArray<KnownNode> _nodes = [];
    private LeaseBook? _book;
    private FolderStore? _store;
    private string? _jobKey;
    private long _images;
    private long _reported = -1;
    private bool _over;
    private readonly GenerationTelemetry _telemetry;
    private readonly DateTimeOffset _begun;
    private DateTimeOffset? _endedAt;
    private double _imagesPerSecond;
    private string _text = "";
    private bool _succeeded;

    public GenerationActor(JobId job, GenerationRequest request, EventLog events, TimeProvider time)
    {
        _job = job;
        _request = request;
        _plan = new GenerationPlan(
            request.RunFolder, request.Seed, request.Count, [.. request.Classes], request.UnitSize, request.Destination);
        _events = events;
        _time = time;
        _rate = new RunRate(time);
        _started = time.GetTimestamp();
        _telemetry = new GenerationTelemetry(job, _plan, () => (Interlocked.Read(ref _images), Volatile.Read(ref _book)));
        _begun = time.GetUtcNow();

        Receive<NodesChanged>(Follow);
        Receive<SamplerReady>(Begin, ready => ready.Job == _job);
        Receive<RequestUnit>(Serve, request => request.Job == _job);
        Receive<UnitCommitted>(Accept, committed => committed.Job == _job);
        Receive<SamplingFailed>(failed => Fail(failed.BadInput ? failed.Reason : $"{failed.Node}: {failed.Reason}", failed.BadInput), failed => failed.Job == _job);
        Receive<Tick>(_ => OnTick());
        Receive<StartDeadlinePassed>(_ => Fail(
            $"{_nodes.Length} of {_request.Nodes} nodes registered within {RunActor.GatherDeadline.TotalSeconds:0} s.", badInput: false),
            _ => _asked.Count == 0);
        Receive<StartDeadlinePassed>(_ => { });
        Receive<ReadyDeadlinePassed>(_ =>
        {
            if (_samplers.Count == 0)
                Fail($"none of {string.Join(", ", _asked.Keys)} had loaded the generator within {RunActor.PrepareDeadline.TotalMinutes:0} min.", badInput: false);
        });
        Receive<Joined>(Finish);
        Receive<NotJoined>(failed => Fail(failed.Reason, badInput: false));
        Receive<CancelGeneration>(cancel =>
        {
            Sender.Tell(SteeringAnswer.Of(_job.Value, $"Job {_job} is cancelled; what is stored stays, and the same job goes on from there."));
            Fail($"Cancelled by {cancel.By}. What is stored stays; the same job goes on from there.", badInput: false);
        });
    }

    public static Props Props(JobId job, GenerationRequest request, EventLog events, TimeProvider time) =>
        Akka.Actor.Props.Create(() => new GenerationActor(job, request, events, time));

    public ITimerScheduler Timers { get; set; } = null!; // Akka sets it before PreStart

    protected override void PreStart()
    {
        Telemetry.Watch(_telemetry);
        Say($"Job {_job}: {_plan.Count} images from {_plan.RunFolder} to {_plan.Destination}");
        Timers.StartPeriodicTimer("tick", Tick.Instance, TimeSpan.FromSeconds(1));
        Timers.StartSingleTimer("start", StartDeadlinePassed.Instance, RunActor.GatherDeadline);
    }

    protected override void PostStop()
    {
        Telemetry.Forget(_telemetry);
        foreach (var node in _asked.Values)
            node.Tell(new StopSampling(_job));
        Fail("The Coordinator stopped while the job was going on.", badInput: false); // ignored by one that is over
        Publish();
    }

    private void Follow(NodesChanged changed)
    {
        _nodes = changed.Nodes;
        foreach (var lost in changed.Lost)
        {
            _asked.Remove(lost);
            _samplers.Remove(lost);
            _book = _book?.Return(lost);
        }

        foreach (var drained in _nodes.Where(node => node.Registration.DrainedBy is not null && _asked.Remove(node.Id)))
        {
            drained.Actor.Tell(new StopSampling(_job));
            _samplers.Remove(drained.Id);
            _book = _book?.Return(drained.Id);
            Say($"{drained.Id} is drained by {drained.Registration.DrainedBy}; what it had in hand goes to others");
        }

        if (_asked.Count == 0)
            Timers.StartSingleTimer("start", StartDeadlinePassed.Instance, RunActor.GatherDeadline);

        // Enough nodes start the job; one that comes later helps on.
        var free = _nodes.Where(node => node.Registration.DrainedBy is null).ToArray();
        if (!_over && (_asked.Count > 0 || free.Length >= _request.Nodes))
        {
            foreach (var node in free.Where(node => _asked.TryAdd(node.Id, node.Actor)))
            {
                node.Actor.Tell(new StartSampling(_job, _plan));
                Timers.StartSingleTimer("ready", ReadyDeadlinePassed.Instance, RunActor.PrepareDeadline);
            }
        }

        ServeWaiting();
    }

    private void Begin(SamplerReady ready)
    {
        if (_over)
            return;

        if (_jobKey is null)
        {
            try
            {
                _store = new FolderStore(_plan.Destination, ready.JobKey);
                _book = LeaseBook.For(_plan.Units, _store.CommittedUnits());
            }
            catch (StorageException error)
            {
                Fail(error.Message, badInput: true);
                return;
            }

            _jobKey = ready.JobKey;
            _images = _book.Stored.Sum(ImagesOf);
            Say($"Drawing from {ready.Checkpoint}{(_images > 0 ? $"; {_images} images are there already" : "")}");
            if (_book.IsComplete)
                Join();
        }
        else if (_jobKey != ready.JobKey)
        {
            Fail($"{ready.Node} would draw other images than the rest: it loaded {ready.Checkpoint}.", badInput: false);
            return;
        }

        _samplers.Add(ready.Node);
    }

    private void Serve(RequestUnit request)
    {
        _waiting.Enqueue(request);
        ServeWaiting();
    }

    private void ServeWaiting()
    {
        while (!_over && _book is not null && _waiting.TryPeek(out var request))
        {
            if (!_asked.TryGetValue(request.Node, out var sampler))
            {
                _waiting.Dequeue();
                continue;
            }

            if (_book.TryLease(request.Node, _time.GetUtcNow() + LeaseTime) is not var (book, lease))
                return;

            _waiting.Dequeue();
            _book = book;
            sampler.Tell(new UnitLeased(_job, lease.Unit));
        }
    }

    private void Accept(UnitCommitted committed)
    {
        if (_book is null || _over || _book.Stored.Contains(committed.Unit))
            return;

        _book = _book.Commit(committed.Unit).Renew(committed.Node, _time.GetUtcNow() + LeaseTime);
        _images += ImagesOf(committed.Unit);
        if (_book.IsComplete)
            Join();
    }

    private void OnTick()
    {
        if (_book is null || _over)
            return;

        // The word of the lease may have been lost, and with it the holder's request, which that had answered: it counts as one that waits.
        var now = _time.GetUtcNow();
        foreach (var lease in _book.Expired(now))
            _waiting.Enqueue(new RequestUnit(_job, lease.Holder));
        _book = _book.Expire(now);
        ServeWaiting();
        ReportProgress();
    }

    private void ReportProgress()
    {
        var rate = _rate.Observe(_images);
        if (_images == _reported)
            return;

        _reported = _images;
        _imagesPerSecond = rate;
        Publish();
        _events.Append(new RunEvent
        {
            Kind = RunEventKind.Progress,
            Text = $"{_images}/{_plan.Count} images, {rate:0} images/s",
            Generation = new GenerationProgress(_images, _plan.Count, rate),
        });
    }

    private void Join()
    {
        ReportProgress();
        var (store, units, destination) = (_store!, _plan.Units, _plan.Destination);
        Task.Run(object () =>
        {
            try
            {
                store.Finish(units);
                return new Joined(Path.Combine(destination, FolderStore.MetadataFile));
            }
            catch (StorageException error)
            {
                return new NotJoined(error.Message);
            }
        }).PipeTo(Self, failure: error => new NotJoined(error.Message));
    }

    private void Finish(Joined joined)
    {
        _over = _succeeded = true;
        _endedAt = _time.GetUtcNow();
        _text = $"Done: {_plan.Count} images in {_plan.Destination}";
        var seconds = _time.GetElapsedTime(_started).TotalSeconds;
        _events.Append(new RunEvent
        {
            Kind = RunEventKind.Finished,
            Text = _text,
            GenerationResult = new GenerationResult(
                _job.Value, _plan.Destination, _plan.Count, _samplers.Count, _plan.Seed, seconds, _plan.Count / seconds, joined.Metadata),
        });
        Context.Stop(Self);
    }

    protected override void Fail(string reason, bool badInput)
    {
        if (_over)
            return;

        _over = true;
        (_endedAt, _text) = (_time.GetUtcNow(), reason);
        _log.Warning("Generation {Job} failed: {Reason}", _job, reason);
        _events.Append(new RunEvent { Kind = RunEventKind.Failed, Text = reason, BadInput = badInput });
        Context.Stop(Self);
    }

    private long ImagesOf(long unit) => Math.Min(_plan.UnitSize, _plan.Count - unit * _plan.UnitSize);

    private void Say(string text)
    {
        _text = text;
        _events.Append(new RunEvent { Kind = RunEventKind.State, Text = text });
        Publish();
    }

    private void Publish() => Context.Parent.Tell(new GenerationDescription(
        _job.Value, _over ? _succeeded ? "finished" : "failed" : _book is null ? "gathering" : "drawing", _plan.RunFolder, _plan.Destination, _images,
        _plan.Count, _over ? 0 : _imagesPerSecond, [.. _samplers.Select(node => node.Value).Order(StringComparer.Ordinal)], _begun, _endedAt, _text));
}
