using System.Diagnostics.CodeAnalysis;
using Akka.Actor;
using Akka.Event;
using Ganymede.Messages;

namespace Ganymede.GpuNode.Sampling;

/// <summary>
/// Draws for one generation job on this node: asks the Coordinator for units, has one <see cref="SamplingPipeline"/> for
/// each device draw and store them, and says which are stored. Each pipeline is kept a few units ahead, never more.
/// </summary>
[SuppressMessage("Design", "CA1001", Justification = "PostStop disposes them, as actors do.")]
public sealed class SamplerActor : ReceiveActor, IWithTimers
{
    /// <summary>Units in hand for each device: one drawn, one encoded and written, one waiting.</summary>
    public const int UnitsInHand = 3;

    /// <summary>How often a sampler without a unit says that it is there, in case that its requests were lost.</summary>
    public static readonly TimeSpan IdlePeriod = TimeSpan.FromSeconds(15);

    private readonly ILoggingAdapter _log = Context.GetLogger();
    private readonly StartSampling _start;
    private readonly IActorRef _coordinatorsJob;
    private readonly NodeId _node;
    private readonly NodeServices _services;
    private readonly OpenedPipelines _opened = new();
    private SamplingPipeline[] _pipelines = [];

    private sealed record Loaded(SamplingPipeline[] Pipelines);

    private sealed record NotLoaded(string Reason, bool BadInput);

    private sealed record Stored(long Unit, int Images, SamplingPipeline By);

    private sealed record Failed(string Reason);

    private sealed record IdleTick
    {
        public static readonly IdleTick Instance = new();
    }

    public SamplerActor(StartSampling start, IActorRef coordinatorsJob, NodeId node, NodeServices services)
    {
        _start = start;
        _coordinatorsJob = coordinatorsJob;
        _node = node;
        _services = services;

        Receive<Loaded>(Begin);
        Receive<NotLoaded>(failed => GiveUp(failed.Reason, failed.BadInput));
        Receive<UnitLeased>(leased => _pipelines.MinBy(pipeline => pipeline.InHand)!.Draw(leased.Unit));
        Receive<Stored>(stored =>
        {
            _coordinatorsJob.Tell(new UnitCommitted(_start.Job, _node, stored.Unit, stored.Images));
            _coordinatorsJob.Tell(new RequestUnit(_start.Job, _node));
        });
        Receive<IdleTick>(_ =>
        {
            if (_pipelines.All(pipeline => pipeline.InHand == 0))
                Ask(units: 1);
        });
        Receive<Failed>(failed => GiveUp(failed.Reason, badInput: false));
        Receive<StopSampling>(_ => Context.Stop(Self));
        Receive<Terminated>(_ => Context.Stop(Self)); // the Coordinator's side of the job is gone
    }

    public static Props Props(StartSampling start, IActorRef coordinatorsJob, NodeId node, NodeServices services) =>
        Akka.Actor.Props.Create(() => new SamplerActor(start, coordinatorsJob, node, services));

    public ITimerScheduler Timers { get; set; } = null!; // Akka sets it before PreStart

    protected override void PreStart()
    {
        Context.Watch(_coordinatorsJob);
        var self = Self;
        var (job, plan, services, opened) = (_start.Job, _start.Plan, _services, _opened);
        Task.Run(object () =>
        {
            try
            {
                foreach (var device in services.Devices)
                {
                    var opening = SamplingPipeline.Open(
                        plan, device, services.ThreadsPerReplica,
                        stored: (pipeline, unit, images, begun) =>
                        {
                            Telemetry.UnitStored(job, unit, images, begun);
                            self.Tell(new Stored(unit, images, pipeline));
                        },
                        failed: reason => self.Tell(new Failed(reason)));
                    opened.Add(opening, Telemetry.Watch(opening, job.Value, device));
                }

                return new Loaded([.. opened.Pipelines]);
            }
            catch (SamplingException error)
            {
                return new NotLoaded(error.Message, error.BadInput);
            }
        }).PipeTo(Self, failure: error => new NotLoaded(error.Message, BadInput: false));
    }

    protected override void PostStop()
    {
        _opened.Dispose();
    }

    /// <summary>Pipelines opened off the mailbox; one that comes after the actor has stopped ends at once.</summary>
    private sealed class OpenedPipelines : IDisposable
    {
        private readonly List<SamplingPipeline> _pipelines = [];
        private readonly List<IDisposable> _watched = [];
        private bool _disposed;

        public IReadOnlyList<SamplingPipeline> Pipelines => _pipelines;

        public void Add(SamplingPipeline pipeline, IDisposable watched)
        {
            lock (_pipelines)
            {
                if (!_disposed)
                {
                    _pipelines.Add(pipeline);
                    _watched.Add(watched);
                    return;
                }
            }

            watched.Dispose();
            pipeline.Dispose();
        }

        public void Dispose()
        {
            lock (_pipelines)
                _disposed = true;
            _watched.ForEach(watched => watched.Dispose());
            _pipelines.ForEach(pipeline => pipeline.Dispose());
        }
    }

    private void Begin(Loaded loaded)
    {
        _pipelines = loaded.Pipelines;
        _log.Info("Drawing {Job} from {Checkpoint} on {Devices}", _start.Job, _pipelines[0].Checkpoint, string.Join(",", _services.Devices));
        Ask(_pipelines.Length * UnitsInHand);
        Timers.StartPeriodicTimer("idle", IdleTick.Instance, IdlePeriod);
    }

    private void Ask(int units)
    {
        _coordinatorsJob.Tell(new SamplerReady(_start.Job, _node, _pipelines[0].Checkpoint, _pipelines[0].JobKey));
        for (var i = 0; i < units; i++)
            _coordinatorsJob.Tell(new RequestUnit(_start.Job, _node));
    }

    private void GiveUp(string reason, bool badInput)
    {
        _coordinatorsJob.Tell(new SamplingFailed(_start.Job, _node, reason, badInput));
        Context.Stop(Self);
    }
}
