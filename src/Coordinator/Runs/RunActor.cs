using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using Akka.Actor;
using Akka.Event;
using Ganymede.Messages;
using Ganymede.Messages.Api;

namespace Ganymede.Coordinator.Runs;

/// <summary>
/// Takes one run from its data to its end: packs, gathers nodes, has them prepare, lets them train, compares what they
/// end with. While they train it only listens; no step waits for it.
/// </summary>
[SuppressMessage("Design", "CA1001", Justification = "PostStop disposes it, as actors do.")]
public sealed class RunActor : ReceiveActor, IWithTimers
{
    /// <summary>Longest wait for enough nodes to register.</summary>
    public static readonly TimeSpan GatherDeadline = TimeSpan.FromSeconds(120);

    /// <summary>Longest wait for the members to fetch the data and build their replicas.</summary>
    public static readonly TimeSpan PrepareDeadline = Deadlines.Prepare;

    /// <summary>A member that merely lost a peer is not the cause; this long the cause has to name itself.</summary>
    private static readonly TimeSpan _causeDeadline = TimeSpan.FromSeconds(3);

    private sealed record GatherDeadlinePassed
    {
        public static readonly GatherDeadlinePassed Instance = new();
    }

    private sealed record PrepareDeadlinePassed
    {
        public static readonly PrepareDeadlinePassed Instance = new();
    }

    private sealed record CauseDeadlinePassed(string Reason);

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
    private RunState _state = RunState.Initial;
    private ImmutableArray<KnownNode> _nodes = [];
    private DataPreparation.Packed? _pack;
    private long _lastReportedStep = -1;
    private string? _stopReason;

    public RunActor(RunId run, RunRequest request, EventLog events, PackServer packs, TimeProvider time)
    {
        _run = run;
        _request = request;
        _events = events;
        _packs = packs;
        _rate = new RunRate(time);

        Receive<DataPreparation.Packed>(Gather);
        Receive<DataPreparation.NotPacked>(failed => Fail(failed.Reason, failed.BadInput));
        Receive<NodesChanged>(Follow);
        Receive<RunPrepared>(Accept, prepared => prepared.Run == _run);
        Receive<ProgressReport>(report => _state = _state.Accept(report), report => report.Run == _run);
        Receive<ArtifactWritten>(Announce, written => written.Run == _run);
        Receive<MemberFinished>(Accept, finished => finished.Run == _run);
        Receive<MemberFailed>(Accept, failed => failed.Run == _run);
        Receive<CoordinatorActor.StopJob>(stop => Stop(stop.Reason));
        Receive<ProgressTick>(_ => ReportProgress());
        Receive<GatherDeadlinePassed>(_ => Fail(
            $"{_nodes.Length} of {_request.Nodes} nodes registered within {GatherDeadline.TotalSeconds:0} s.", badInput: false));
        Receive<PrepareDeadlinePassed>(_ => Fail(
            $"{string.Join(", ", _state.Unprepared)} not prepared within {PrepareDeadline.TotalSeconds:0} s.", badInput: false));
        Receive<CauseDeadlinePassed>(passed => Fail(passed.Reason, badInput: false));
    }

    public static Props Props(RunId run, RunRequest request, EventLog events, PackServer packs, TimeProvider time) =>
        Akka.Actor.Props.Create(() => new RunActor(run, request, events, packs, time));

    public ITimerScheduler Timers { get; set; } = null!; // Akka sets it before PreStart

    protected override void PreStart()
    {
        Say(RunEventKind.State, $"Run {_run}: reading {_request.Data}");
        var (request, packs, events, cancel) = (_request, _packs, _events, _ended.Token);
        Task.Run(() => DataPreparation.Run(request, packs, events, cancel), cancel).PipeTo(
            Self, failure: error => new DataPreparation.NotPacked($"Packing the data failed: {error.Message}", BadInput: false));
    }

    protected override void PostStop()
    {
        _ended.Cancel();
        _ended.Dispose();
        if (_state.Phase != RunPhase.Over && _state.View is not null)
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
        if (_state.Phase == RunPhase.Gathering)
            TryForm();
        else if (_state.Phase is RunPhase.Preparing or RunPhase.Training && changed.Lost.Where(id => _state.IsMember(id) && !_state.Finished.ContainsKey(id)).ToArray() is [_, ..] lost)
            Fail($"Lost {string.Join(", ", lost)} while {(_state.Phase == RunPhase.Training ? "training" : "preparing")}; --resume continues from the newest checkpoint.", badInput: false);
    }

    private void TryForm()
    {
        if (_state.TryForm([.. _nodes.Select(node => node.Registration)], _request.Nodes, _request.Shards) is not { } formed)
        {
            Say(RunEventKind.State, $"Waiting for nodes: {_nodes.Length} of {_request.Nodes}");
            return;
        }

        Timers.Cancel("gather");
        var replicas = formed.View!.Members.Sum(member => member.Replicas);
        if (replicas > _request.Shards)
        {
            Fail($"--shards {_request.Shards}: fewer than the {replicas} replicas of {formed.View.Members.Length} nodes; each needs at least one shard.", badInput: true);
            return;
        }

        if (RunState.Difference([.. _nodes.Where(node => formed.IsMember(node.Id)).Select(node => node.Registration)]) is { } difference)
        {
            Fail(difference, badInput: true);
            return;
        }

        _state = formed;
        Say(RunEventKind.State, $"View {formed.View!.Number}: " + string.Join(", ", formed.View.Members.Select(member =>
            $"{member.Node} has shards {member.FirstShard}..{member.FirstShard + member.ShardCount - 1}")));
        var location = new PackLocation(_packs.Host, _packs.Port, _pack!.Sha256, _pack.Bytes);
        TellMembers(new PrepareRun(_run, Plan(), formed.View, location, _request.Resume));
        Timers.StartSingleTimer("prepare", PrepareDeadlinePassed.Instance, PrepareDeadline);
    }

    private RunPlan Plan() => new(
        _request.PresetName, _request.Preset, _request.Seed, _request.Steps, _request.Batch, _request.Shards, _request.Folder,
        _request.SampleEvery, _request.CheckpointEvery, _request.PhaseDeadlineSeconds);

    private void Accept(RunPrepared prepared)
    {
        _state = _state.Accept(prepared);
        Say(RunEventKind.State, $"{prepared.Node} is ready{(prepared.PackWasCached ? " (data was cached)" : "")}");
        if (_state.Phase != RunPhase.Preparing || !_state.AllPrepared)
            return;

        Timers.Cancel("prepare");
        if (_state.PreparedDifference() is { } difference)
        {
            Fail($"Members are not alike: {difference}", badInput: false);
            return;
        }

        _state = _state with { Phase = RunPhase.Training };
        Say(RunEventKind.State, $"Training from step {prepared.FirstStep} to {_request.Steps}");
        TellMembers(new BeginTraining(_run, _state.View!.Number));
        if (_stopReason is not null)
            TellMembers(new StopRun(_run, _stopReason));
        Timers.StartPeriodicTimer("progress", ProgressTick.Instance, TimeSpan.FromSeconds(1));
    }

    private void Announce(ArtifactWritten written) =>
        Say(RunEventKind.Artifact, $"{written.Kind} of step {written.Step}: {written.Path}");

    private void ReportProgress()
    {
        if (_state.Progress.IsEmpty)
            return;

        var slowest = _state.Progress.Values.MinBy(report => report.Step)!;
        var rate = _rate.Observe(slowest.Step);
        if (slowest.Step == _lastReportedStep)
            return;

        _lastReportedStep = slowest.Step;
        var progress = new RunProgress(
            slowest.Step, _request.Steps, slowest.DiscriminatorLoss, slowest.GeneratorLoss, rate, rate * _request.Batch,
            rate > 0 ? (_request.Steps - slowest.Step) / rate : 0,
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
        _state = _state.Accept(finished);
        if (!_state.AllFinished)
            return;

        ReportProgress();
        if (_state.FinishedDifference() is { } difference)
        {
            Fail($"Members ended differently: {difference}", badInput: false);
            return;
        }

        var lead = _state.Finished[_state.View!.Members[0].Node];
        var result = Result(lead);
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
        var images = (lead.Step - _state.Prepared[lead.Node].FirstStep) * _request.Batch;
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
        var reason = $"{failed.Node}: {failed.Reason}";
        if (failed.LostPeer && !failed.BadInput)
            Timers.StartSingleTimer("cause", new CauseDeadlinePassed(reason), _causeDeadline);
        else
            Fail(failed.BadInput ? failed.Reason : reason, failed.BadInput);
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
            case RunPhase.Preparing or RunPhase.Over:
                break; // Preparing: the members are told once they train, and stop after one step. Over: nothing to stop.
            default:
                throw new InvalidOperationException($"Run phase {_state.Phase} has no rule for stopping.");
        }
    }

    private void Fail(string reason, bool badInput)
    {
        if (_state.Phase == RunPhase.Over)
            return;

        _log.Warning("Run {Run} failed: {Reason}", _run, reason);
        if (_state.View is not null)
            TellMembers(new AbortRun(_run, reason));
        _state = _state with { Phase = RunPhase.Over };
        _events.Append(new RunEvent { Kind = RunEventKind.Failed, Text = reason, BadInput = badInput });
        Context.Stop(Self);
    }

    private void TellMembers(IClusterMessage message)
    {
        foreach (var node in _nodes.Where(node => _state.IsMember(node.Id)))
            node.Actor.Tell(message);
    }

    private void Say(RunEventKind kind, string text) => _events.Append(new RunEvent { Kind = kind, Text = text });
}
