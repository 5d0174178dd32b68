using System.Diagnostics;
using System.Runtime.InteropServices;
using Ganymede.Collectives;
using Ganymede.Datasets;
using Ganymede.Messages;
using Ganymede.Training;

namespace Ganymede.GpuNode.Runs;

/// <summary>
/// Trains one replica, on one thread, which owns all its tensors: for each step D's phases and G's, each of them compute own
/// shards, sum with all members, update. Nothing here waits for the Coordinator, but between two views: then the partial
/// sums of the phase in hand are kept, and only shards that are new to this replica are computed in the next one.
/// </summary>
public sealed class ReplicaLoop
{
    /// <summary>Steps between comparisons of all members' weights, and between hashes in the ledger.</summary>
    public const int FingerprintEvery = 10;

    /// <summary>A run whose gradients are not finite this often in a row is beyond help.</summary>
    public const int NonFiniteLimit = 3;

    /// <summary>Committed steps kept for a new lead. The one before it lacks two lines at most; where its host died, and not its process alone, also those of the
    /// seconds that a shared file system had not yet taken from that host.</summary>
    private const int StepsKept = 4096;

    /// <summary>Members other than the first report no more often, so that the Coordinator of a thousand hears a fiftieth of them a step.</summary>
    private const int StepsBetweenReports = 50;

    /// <summary>Where a view begins they report sooner, so that shards can go by speed within some two dozen steps: after 6, 12, 24, 48 and then every 50.</summary>
    private const int StepsToFirstReport = 6;

    private static readonly TimeSpan _reportPeriod = TimeSpan.FromSeconds(1);

    /// <summary>How long a member that must give up leaves it to the lead to say so.</summary>
    private static readonly TimeSpan _leadReports = TimeSpan.FromSeconds(10);

    private readonly Queue<CommittedStep> _recent = [];
    private CommittedStep? _last;
    private PhaseBuffers[] _phases = [];
    private long _begun, _reported, _entered, _nextReport;
    private bool _skippedInStep, _paused, _leads, _owesTakeOver;

    private long _computeTicks, _exchangeTicks, _updateTicks, _shardTicks;
    private double _discriminatorLoss, _generatorLoss, _realAccuracy, _fakeAccuracy;
    private ScoreFigures? _scores;
    private long _skipped, _skippedInARow, _liveTensors;

    public required TrainingSession Session { get; init; }
    public required Preset Preset { get; init; }
    public required ImagePack Pack { get; init; }
    public required RunPlan Plan { get; init; }

    /// <summary>Which of the node's replicas this is.</summary>
    public required int Index { get; init; }

    public required string Device { get; init; }
    public required int Threads { get; init; }

    /// <summary>Work on the next step while G's gradients are exchanged.</summary>
    public required bool Overlap { get; init; }

    public required ElementType ElementType { get; init; }
    public required Checkpoint? Checkpoint { get; init; }

    public required CancellationToken Aborted { get; init; }

    public long FirstStep { get; private set; }

    /// <summary>Phases summed and applied since the run's step 0: D's and then G's, <see cref="RunPlan.PhasesPerStep"/> a step.</summary>
    public long Position { get; private set; }

    /// <summary>Steps committed since the run's step 0.</summary>
    public long Step => Position / Plan.PhasesPerStep;

    /// <summary>The sum with which <see cref="Position"/> was reached, as the replica received it; empty before the first.</summary>
    public ReadOnlyMemory<byte> LastSum => Position > FirstStep * Plan.PhasesPerStep ? BuffersOf(Position - 1).Total : default;

    /// <summary>Hash of the state before the first step.</summary>
    public ulong Fingerprint { get; private set; }

    public bool Stopped { get; private set; }

    /// <summary>Nothing is left to do: the last step is committed, or the one after which all stop.</summary>
    public bool Ended => IsBoundary && (Step >= Plan.Steps || Stopped);

    public string WeightsSha256 { get; private set; } = "";
    public double SecondsTraining { get; private set; }

    /// <summary>Images of own shards in committed steps.</summary>
    public long Images { get; private set; }

    /// <summary>Tensors alive on the replica's thread after its last step.</summary>
    public long LiveTensors => _liveTensors;

    /// <summary>Steps that changed nothing because gradients were not finite.</summary>
    public long SkippedSteps => _skipped;

    public PhaseSeconds Phases => new(Seconds(_computeTicks), Seconds(_exchangeTicks), Seconds(_updateTicks));

    /// <param name="ready">Called when the state stands.</param>
    /// <param name="nextPart">Waits for the next view; null when the run is over here.</param>
    /// <param name="reportProgress">Called about once a second.</param>
    public void Run(Action ready, Func<ViewPart?> nextPart, Action reportProgress)
    {
        using var replica = new Replica(Preset, Pack, Plan.Seed, Device, Threads);
        if (Checkpoint is not null)
            replica.LoadState(Checkpoint.State, Checkpoint.Info.Step);

        FirstStep = Checkpoint?.Info.Step ?? 0;
        Position = Plan.PhasesPerStep * FirstStep;
        Fingerprint = replica.WeightsFingerprint();
        _phases = [.. new[] { Phase.Generator, Phase.Discriminator, Phase.Discriminator }.Take(1 + Math.Min(2, Plan.CriticSteps)).Select(phase => new PhaseBuffers(replica, phase, Plan.Shards, ElementType))];
        ready();
        while (nextPart() is { } part)
        {
            Run(replica, part, reportProgress);
            part.Leave();
        }
    }

    /// <summary>Length of the sum that leads to a position, in bytes.</summary>
    public int SumBytes(long position) => BuffersOf(position - 1).Total.Length;

    /// <summary>What this replica last knew of itself; callable from its own thread.</summary>
    public ProgressReport Progress(NodeId node, RunId run, long view) => new(
        run, node, view, Step, _discriminatorLoss, _generatorLoss, SecondsTraining, Phases, _liveTensors,
        Environment.WorkingSet, _skipped) { ShardTime = Session.Shards.Read(view) };

    /// <summary>Trains in one view until it is over or the run has ended.</summary>
    private void Run(Replica replica, ViewPart part, Action reportProgress)
    {
        Enter(replica, part);
        try
        {
            while (!Ended && !_paused && TrainStep(replica, part))
                ReportNowAndThen(reportProgress);
        }
        catch (CollectiveException failure) when (!Aborted.IsCancellationRequested)
        {
            if (part.Break(failure))
                Session.Suspect(part, failure, Position);
        }

        if (Ended)
        {
            WeightsSha256 = replica.WeightsSha256();
            WriterOf(part)?.Flush();
            reportProgress();
        }
    }

    private void Enter(Replica replica, ViewPart part)
    {
        if (part.State is { } state)
        {
            replica.LoadState(state, part.Position / Plan.PhasesPerStep);
            _recent.Clear();
            _last = null;
            FirstStep = part.Position / Plan.PhasesPerStep;
            Position = part.Position;
        }

        if (_begun == 0)
            _begun = _reported = Stopwatch.GetTimestamp();
        else
            _begun += part.HeldTicks;
        if (part.Sum is { } sum && Position == part.Position - 1)
        {
            sum.CopyTo(Current.Total.AsSpan());
            Apply(replica, part);
        }

        if (Position != part.Position)
            throw new InvalidOperationException($"view {part.View} begins at position {part.Position}, replica {Index} is at {Position}");

        _paused = false;
        _entered = Step;
        _nextReport = Step + StepsToFirstReport;
        foreach (var phase in _phases)
            phase.Own(part.Owned[Index], Position);
        if (part.HandsStateOver && Index == 0)
            Session.HandStateOver(part, replica.CopyState());
        if (WriterOf(part) is { } writer && !_leads)
        {
            _leads = true;
            if (!(_owesTakeOver = !IsBoundary))
                TakeOver(replica, writer);
        }
    }

    /// <summary>Only between steps there is a state to copy, for the checkpoint that the lead before may owe.</summary>
    private void TakeOver(Replica replica, RunWriter writer)
    {
        writer.Begin(replica);
        writer.TakeOver(replica, _recent, Ended);
        _owesTakeOver = false;
    }

    /// <summary>The run's files have one writer: the lead's first replica.</summary>
    private RunWriter? WriterOf(ViewPart part) => Index == 0 ? part.Writer : null;

    /// <summary>No step is half done.</summary>
    private bool IsBoundary => Position % Plan.PhasesPerStep == 0;

    private PhaseBuffers Current => BuffersOf(Position);

    /// <summary>
    /// The buffers of the phase that is summed at a position. D's updates of a step take turns with two, so that the last sum stays as it is, for a
    /// member that may lack it, while the next one is on its way.
    /// </summary>
    private PhaseBuffers BuffersOf(long position)
    {
        var phase = position % Plan.PhasesPerStep;
        return phase == Plan.CriticSteps ? _phases[0] : _phases[1 + phase % 2];
    }

    /// <summary>Goes on with the step in hand until it is committed. False when the view is over before.</summary>
    private bool TrainStep(Replica replica, ViewPart part)
    {
        var step = Step;
        _shardTicks = 0;
        var begun = Stopwatch.GetTimestamp();
        while (Step == step)
        {
            Aborted.ThrowIfCancellationRequested();
            if (!Compute(replica, part))
                return false;

            var dies = Faults.Hits(Current.Phase == Phase.Discriminator ? FaultPoint.DReduce : FaultPoint.GReduce, step);
            var start = Stopwatch.GetTimestamp();
            using (var pending = part.Local.Begin(
                Index, step, (byte)(Position % Plan.PhasesPerStep + 1), Current.Sums.Complete, Current.Total, FingerprintToCompare(replica, part)))
            {
                if (dies)
                    Faults.Die();
                if (Current.Phase == Phase.Generator && Overlap && step + 1 < Plan.Steps && !Session.Orders.StopRequested)
                    start = WorkAhead(replica, part, start);
                pending.Wait(Aborted);
            }

            start = Lap(start, ref _exchangeTicks, part, "sum");
            Faults.At(Current.Phase == Phase.Discriminator ? FaultPoint.DUpdate : FaultPoint.GUpdate, step);
            Apply(replica, part);
            Lap(start, ref _updateTicks, part, "update");
        }

        if (step > part.Position / Plan.PhasesPerStep)
            Session.Shards.Add(part.View, _shardTicks, part.Owned[Index].Count); // a view's first step may be a part of one, and nothing was computed ahead for it
        Images += (part.Owned[Index].End - part.Owned[Index].First) * (Plan.SamplesPerStep / Plan.Shards);
        if (Index == 0)
            Telemetry.StepDuration.Record(Stopwatch.GetElapsedTime(begun).TotalSeconds, Session.RunTag);
        if (WriterOf(part) is { } writer)
        {
            if (_owesTakeOver)
                TakeOver(replica, writer);
            else
                writer.Commit(replica, _last!, Ended, Session.Orders.TakeCheckpointRequest(part.View, _paused));
        }

        return true;
    }

    /// <summary>Computes the own shards of the phase in hand that are not computed yet. False when the view is over.</summary>
    private bool Compute(Replica replica, ViewPart part)
    {
        var start = Stopwatch.GetTimestamp();
        var phase = Current;
        if (phase.Phase == Phase.Discriminator && Faults.Hits(FaultPoint.Weights, Step))
            FlipBit(replica);
        replica.StopRequested = Session.Orders.StopRequested;
        replica.CheckpointRequested = Session.Orders.PauseRequested(part.View);
        if (phase.Phase == Phase.Discriminator)
            replica.BeginStep(Step);
        phase.Begin(Position);
        while (phase.Sums.Next < part.Owned[Index].End)
        {
            if (part.IsOver)
                return false;
            if (phase.TakeKept())
                continue;
            var shard = phase.Sums.Next;
            var begun = Stopwatch.GetTimestamp();
            replica.ComputeShard(phase.Phase, Step, shard, phase.Gradient);
            _shardTicks += Stopwatch.GetTimestamp() - begun;
            if (Faults.Hits(FaultPoint.Gradient, Step))
                phase.Gradient.AsSpan(0, sizeof(double)).Fill(0xff); // NaN, as float and as double
            Faults.At(phase.Phase == Phase.Discriminator ? FaultPoint.DCompute : FaultPoint.GCompute, Step);
            phase.Sums.Add(shard, phase.Gradient);
        }

        Lap(start, ref _computeTicks, part, "compute");
        return true;
    }

    /// <summary>Begins the next step while G's gradients are exchanged. If the view ends meanwhile, whoever owns the shards then does it again, or not.</summary>
    private long WorkAhead(Replica replica, ViewPart part, long start)
    {
        var owned = part.Owned[Index];
        for (var shard = owned.First; shard < owned.End && !part.IsOver; shard++)
            replica.WorkAhead(Step + 1, shard);
        var end = Lap(start, ref _computeTicks, part, "compute");
        _shardTicks += end - start;
        return end;
    }

    /// <summary>Members compare their weights every ten steps, and where a view begins with a whole step. It is the same for all of them.</summary>
    private ulong FingerprintToCompare(Replica replica, ViewPart part)
    {
        if (!IsBoundary || (Step % FingerprintEvery != 0 && Position != part.Position))
            return 0;

        // The ledger's hash of the step before is of the same weights.
        return _last is { Fingerprint: not 0 } last && last.Step == Step ? last.Fingerprint : replica.WeightsFingerprint();
    }

    /// <summary>Ends the phase in hand with its sum.</summary>
    private void Apply(Replica replica, ViewPart part)
    {
        var phase = Current;
        var report = replica.Apply(phase.Phase, Step, phase.Total);
        Position++;
        _skippedInStep |= !report.Finite;
        Stopped |= report.StopRequested;
        _paused |= report.CheckpointRequested;
        if (phase.Phase == Phase.Discriminator)
        {
            _discriminatorLoss = report.RealLoss + report.FakeLoss;
            (_realAccuracy, _fakeAccuracy) = (report.RealAccuracy, report.FakeAccuracy);
            _scores = ScoreFigures.Of(Preset, report, replica.AugmentationProbability);
            return;
        }

        _generatorLoss = report.GeneratorLoss;
        CountSkipped(_skippedInStep, report.Control?.Event, part);
        _skippedInStep = false;
        var fingerprint = Step % FingerprintEvery == 0 ? replica.WeightsFingerprint() : 0;
        _last = new CommittedStep(Step, part.View, fingerprint, _discriminatorLoss, _generatorLoss, _realAccuracy, _fakeAccuracy)
        {
            Time = DateTimeOffset.UtcNow, Phases = Phases, Skipped = _skipped, Scores = _scores!, Control = report.Control,
        };
        _recent.Enqueue(_last);
        if (_recent.Count > StepsKept)
            _recent.Dequeue();
        SecondsTraining = Stopwatch.GetElapsedTime(_begun).TotalSeconds;
        if (Index == 0 && report.Control?.Event is { } happened)
            Session.Tell(happened);
    }

    private void ReportNowAndThen(Action reportProgress)
    {
        if (Stopwatch.GetElapsedTime(_reported) < _reportPeriod || (!_leads && Step < _nextReport))
            return;
        _nextReport = Step + Math.Clamp(Step - _entered, StepsToFirstReport, StepsBetweenReports);
        _reported = Stopwatch.GetTimestamp();
        if (!Ended)
            _liveTensors = Replica.LiveTensors; // after the last step nothing is kept for a next one
        reportProgress();
    }

    /// <summary>Every member sees the same flag in the same all-reduce, so all skip alike, and all give up alike, unless a controller does something about it.</summary>
    private void CountSkipped(bool skipped, ControllerEvent? happened, ViewPart part)
    {
        _skippedInARow = skipped && happened is null ? _skippedInARow + 1 : 0;
        if (!skipped)
            return;

        _skipped++;
        if (_skippedInARow >= NonFiniteLimit)
        {
            // The lead, which writes checkpoints, says which is the newest when it is on disk; its report ends the others' runs.
            if (WriterOf(part) is { } writer)
                writer.Flush();
            else
                Aborted.WaitHandle.WaitOne(_leadReports);
            throw new InvalidOperationException(
                $"gradients were not finite (NaN or infinite) in {NonFiniteLimit} steps in a row, the last of them step {Step}; none of them changed the weights. "
                + $"{(CheckpointFolder.Newest(Plan.Folder).Found is { } good ? $"The newest checkpoint is of step {good.Info.Step}" : "There is no checkpoint")}. Lower the learning rates in a new run.");
        }
    }

    /// <summary>One bit of one weight, as a bad memory may do.</summary>
    private void FlipBit(Replica replica)
    {
        var state = replica.CopyState();
        var weight = state.Discriminator.First(tensor => tensor.Name.EndsWith("weight", StringComparison.Ordinal));
        MemoryMarshal.AsMemory(weight.Data).Span[2] ^= 1;
        replica.LoadState(state, Step);
    }

    private long Lap(long start, ref long ticks, ViewPart part, string what)
    {
        var now = Stopwatch.GetTimestamp();
        ticks += now - start;
        if (Index == 0)
            Session.Recorder.Add(what, part.View, Position, Stopwatch.GetElapsedTime(start, now).TotalMilliseconds);
        return now;
    }

    private static double Seconds(long ticks) => (double)ticks / Stopwatch.Frequency;
}
