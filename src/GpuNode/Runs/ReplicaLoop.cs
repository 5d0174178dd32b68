using System.Diagnostics;
using Ganymede.Collectives;
using Ganymede.Datasets;
using Ganymede.Messages;
using Ganymede.Training;

namespace Ganymede.GpuNode.Runs;

/// <summary>
/// Trains one replica, on one thread, which owns all its tensors: for each step two phases, each of them compute own
/// shards, sum with all members, update. Nothing here waits for the Coordinator.
/// </summary>
public sealed class ReplicaLoop
{
    /// <summary>Steps between comparisons of all members' weights, and between hashes in the ledger.</summary>
    public const int FingerprintEvery = 10;

    /// <summary>A run whose gradients are not finite this often in a row is beyond help.</summary>
    public const int NonFiniteLimit = 3;

    private static readonly TimeSpan _reportPeriod = TimeSpan.FromSeconds(1);

    private long _computeTicks, _exchangeTicks, _updateTicks;
    private double _discriminatorLoss, _generatorLoss;
    private long _skipped, _skippedInARow, _liveTensors;

    public required TrainingSession Session { get; init; }
    public required Preset Preset { get; init; }
    public required ImagePack Pack { get; init; }
    public required RunPlan Plan { get; init; }
    public required long View { get; init; }

    /// <summary>Which of the node's replicas this is.</summary>
    public required int Index { get; init; }

    public required string Device { get; init; }
    public required int Threads { get; init; }

    /// <summary>Work on the next step while G's gradients are exchanged.</summary>
    public required bool Overlap { get; init; }

    public required ShardRange Shards { get; init; }
    public required LocalGroup Group { get; init; }
    public required ElementType ElementType { get; init; }
    public required Checkpoint? Checkpoint { get; init; }

    /// <summary>Only the lead member's first replica writes.</summary>
    public required RunWriter? Writer { get; init; }

    public required CancellationToken Aborted { get; init; }

    public long FirstStep { get; private set; }

    /// <summary>Steps committed since the run's step 0.</summary>
    public long Step { get; private set; }

    /// <summary>Hash of the state before the first step.</summary>
    public ulong Fingerprint { get; private set; }

    public bool Stopped { get; private set; }
    public string WeightsSha256 { get; private set; } = "";
    public double SecondsTraining { get; private set; }

    public PhaseSeconds Phases => new(Seconds(_computeTicks), Seconds(_exchangeTicks), Seconds(_updateTicks));

    /// <param name="ready">Called when the state stands; returns when training may begin.</param>
    /// <param name="reportProgress">Called about once a second.</param>
    public void Run(Action ready, Action reportProgress)
    {
        using var replica = new Replica(Preset, Pack, Plan.Seed, Device, Threads);
        if (Checkpoint is not null)
            replica.LoadState(Checkpoint.State, Checkpoint.Info.Step);

        Step = FirstStep = Checkpoint?.Info.Step ?? 0;
        var fingerprint = Fingerprint = replica.WeightsFingerprint();
        var phases = new[] { Phase.Discriminator, Phase.Generator }.Select(phase => new PhaseBuffers(this, replica, phase)).ToArray();
        ready();
        Writer?.Begin(replica);

        var begun = Stopwatch.GetTimestamp();
        var reported = begun;
        while (Step < Plan.Steps && !Stopped)
        {
            Aborted.ThrowIfCancellationRequested();
            TrainStep(replica, phases, fingerprint);
            fingerprint = Step % FingerprintEvery == 0 ? replica.WeightsFingerprint() : 0;
            Writer?.Commit(replica, Step, View, fingerprint, _discriminatorLoss, _generatorLoss, last: Step == Plan.Steps || Stopped);

            SecondsTraining = Stopwatch.GetElapsedTime(begun).TotalSeconds;
            if (Stopwatch.GetElapsedTime(reported) >= _reportPeriod)
            {
                reported = Stopwatch.GetTimestamp();
                _liveTensors = Replica.LiveTensors;
                reportProgress();
            }
        }

        WeightsSha256 = replica.WeightsSha256();
        Writer?.Finish();
        reportProgress();
    }

    /// <summary>What this replica last knew of itself; callable from its own thread.</summary>
    public ProgressReport Progress(NodeId node, RunId run) => new(
        run, node, View, Step, _discriminatorLoss, _generatorLoss, SecondsTraining, Phases, _liveTensors,
        Environment.WorkingSet, _skipped);

    private void TrainStep(Replica replica, PhaseBuffers[] phases, ulong fingerprint)
    {
        replica.StopRequested = Session.StopRequested;
        var start = Stopwatch.GetTimestamp();
        replica.BeginStep(Step);

        var skipped = false;
        foreach (var phase in phases)
        {
            phase.Sums.Reset();
            for (var shard = Shards.First; shard < Shards.End; shard++)
            {
                replica.ComputeShard(phase.Phase, Step, shard, phase.Gradient);
                phase.Sums.Add(shard, phase.Gradient);
            }

            start = Lap(start, ref _computeTicks);
            using (var pending = Group.Begin(Index, Step, (byte)phase.Phase, phase.Sums.Complete, phase.Total, fingerprint))
            {
                if (phase.Phase == Phase.Generator && Overlap && Step + 1 < Plan.Steps && !Session.StopRequested)
                {
                    for (var shard = Shards.First; shard < Shards.End; shard++)
                        replica.WorkAhead(Step + 1, shard);
                    start = Lap(start, ref _computeTicks);
                }

                pending.Wait(Aborted);
            }

            start = Lap(start, ref _exchangeTicks);

            var report = replica.Apply(phase.Phase, Step, phase.Total);
            start = Lap(start, ref _updateTicks);

            skipped |= !report.Finite;
            Stopped |= report.StopRequested;
            if (phase.Phase == Phase.Discriminator)
                _discriminatorLoss = report.RealLoss + report.FakeLoss;
            else
                _generatorLoss = report.GeneratorLoss;
            fingerprint = 0; // compared once a step
        }

        Step++;
        CountSkipped(skipped);
    }

    /// <summary>Every member sees the same flag in the same all-reduce, so all skip alike, and all give up alike.</summary>
    private void CountSkipped(bool skipped)
    {
        _skippedInARow = skipped ? _skippedInARow + 1 : 0;
        if (!skipped)
            return;

        _skipped++;
        if (_skippedInARow >= NonFiniteLimit)
        {
            throw new InvalidOperationException(
                $"gradients were not finite (NaN or infinite) in {NonFiniteLimit} steps in a row, the last of them step {Step}; lower the learning rates, or resume from the checkpoint before.");
        }
    }

    private static long Lap(long start, ref long ticks)
    {
        var now = Stopwatch.GetTimestamp();
        ticks += now - start;
        return now;
    }

    private static double Seconds(long ticks) => (double)ticks / Stopwatch.Frequency;

    /// <summary>The flat buffers of one phase, allocated once.</summary>
    private sealed class PhaseBuffers(ReplicaLoop loop, Replica replica, Phase phase)
    {
        public Phase Phase { get; } = phase;
        public PartialSums Sums { get; } = new(loop.Plan.Shards, loop.Shards, loop.ElementType, replica.Elements(phase));
        public byte[] Gradient { get; } = GC.AllocateArray<byte>(replica.Elements(phase) * replica.ElementSize, pinned: true);
        public byte[] Total { get; } = GC.AllocateArray<byte>(replica.Elements(phase) * replica.ElementSize, pinned: true);
    }
}
