using System.Diagnostics.CodeAnalysis;
using Ganymede.Collectives;
using Ganymede.Datasets;
using Ganymede.Messages;
using Ganymede.Training;

namespace Ganymede.GpuNode.Runs;

/// <summary>
/// One run on this node, off Akka's threads: loads the data, connects to the other members, and has one dedicated thread
/// for each replica. What it says goes out through <c>report</c>; <c>ended</c> is its last word.
/// </summary>
/// <remarks>
/// The first failure of any thread ends them all: it cancels the one token that every wait here watches, so no thread is
/// left waiting for a sibling that will not come.
/// </remarks>
[SuppressMessage("Design", "CA1001", Justification = "Orders may arrive after the end; without a wait handle or a timer there is nothing to free.")]
public sealed class TrainingSession(
    PrepareRun prepare, NodeId node, NodeServices services, Action<IClusterMessage> report, Action ended)
{
    private readonly CancellationTokenSource _aborted = new();
    private readonly ManualResetEventSlim _begin = new();
    private readonly Lock _failureLock = new();
    private readonly ILogger _log = services.Logs.CreateLogger<TrainingSession>();
    private Exception? _failure;
    private string? _abortReason;
    private volatile bool _stopRequested;

    private RunPlan Plan => prepare.Plan;

    /// <summary>This node's place in the view.</summary>
    private int SelfIndex => Array.FindIndex(prepare.View.Members, member => member.Node == node);

    /// <summary>The member that writes the run's files: the first of the view.</summary>
    private bool IsLead => SelfIndex == 0;

    /// <summary>True once <see cref="RequestStop"/> was called; replicas tell the other members in the next all-reduce.</summary>
    public bool StopRequested => _stopRequested;

    /// <summary>Starts preparing; returns at once.</summary>
    public void Start() => new Thread(Run) { IsBackground = true, Name = $"run {prepare.Run}" }.Start();

    /// <summary>Lets the replicas train.</summary>
    public void Begin() => _begin.Set();

    /// <summary>All members stop after the same step, which they agree on in an all-reduce.</summary>
    public void RequestStop(string reason)
    {
        _log.Stopping(prepare.Run, reason);
        _stopRequested = true;
    }

    /// <summary>Drops the run at once, without a checkpoint. Nothing is reported: whoever aborts knows.</summary>
    public void Abort(string reason)
    {
        lock (_failureLock)
            _abortReason ??= reason;
        _aborted.Cancel();
    }

    private void Run()
    {
        try
        {
            Train();
        }
        catch (Exception error)
        {
            Fail(error);
        }

        ReportFailure();
        ended();
    }

    private void Train()
    {
        var preset = Preset.FromJson(Plan.Preset);
        if (preset.Batch != Plan.Batch || preset.Shards != Plan.Shards)
            throw new PresetException($"the preset has batch {preset.Batch} and {preset.Shards} shards, the run {Plan.Batch} and {Plan.Shards}; they must agree");

        var (pack, wasCached) = services.Packs.Load(prepare.Pack, _aborted.Token);
        var checkpoint = prepare.Resume ? LoadCheckpoint(pack) : null;
        var type = preset.Precision == Precision.Float64 ? ElementType.Float64 : ElementType.Float32;
        var member = prepare.View.Members[SelfIndex];

        using var group = services.DataPlane.Join(
            prepare.Run.Value, prepare.View.Number,
            [.. prepare.View.Members.Select(peer => new PartyAddress(
                peer.Node.Value, peer.Host, peer.Port, new ShardRange(peer.FirstShard, peer.ShardCount)))],
            SelfIndex, Plan.Shards, TimeSpan.FromSeconds(Plan.PhaseDeadlineSeconds));
        using var local = new LocalGroup(group, services.Devices.Length, Plan.Shards, type);
        using var writer = IsLead
            ? new RunWriter(prepare, preset, checkpoint?.Info.Step ?? 0, message => report(message), node)
            : null;

        var owned = ShardAssignment.Even(member.ShardCount, services.Devices.Length);
        using var prepared = new CountdownEvent(services.Devices.Length);
        var loops = new ReplicaLoop[services.Devices.Length];
        var threads = new Thread[loops.Length];
        for (var i = 0; i < loops.Length; i++)
        {
            var loop = loops[i] = new ReplicaLoop
            {
                Session = this,
                Preset = preset,
                Pack = pack,
                Plan = Plan,
                View = prepare.View.Number,
                Index = i,
                Device = services.Devices[i],
                Threads = services.ThreadsPerReplica,
                Overlap = services.Overlap,
                Shards = new ShardRange(member.FirstShard + owned[i].First, owned[i].Count),
                Group = local,
                ElementType = type,
                Checkpoint = checkpoint,
                Writer = i == 0 ? writer : null,
                Aborted = _aborted.Token,
            };
            threads[i] = new Thread(() => RunReplica(loop, prepared)) { IsBackground = true, Name = $"replica {i}" };
            threads[i].Start();
        }

        try
        {
            prepared.Wait(_aborted.Token);
            RequireSameFingerprint(loops);
            report(new RunPrepared(prepare.Run, node, prepare.View.Number, loops[0].FirstStep, loops[0].Fingerprint, wasCached));
        }
        catch (Exception error)
        {
            Fail(error); // before the threads are waited for: it is what ends their own waits
        }

        foreach (var thread in threads)
            thread.Join();

        if (_failure is not null || _aborted.IsCancellationRequested)
            return;

        var lead = loops[0];
        report(new MemberFinished(
            prepare.Run, node, lead.Step, lead.Stopped, lead.WeightsSha256, lead.Step * Plan.Batch, lead.SecondsTraining,
            lead.Phases, writer?.LastCheckpoint, writer?.LastGrid));
    }

    private Checkpoint LoadCheckpoint(ImagePack pack)
    {
        var found = CheckpointFolder.Newest(Plan.Folder);
        foreach (var skipped in found.Skipped)
            _log.SkippedCheckpoint(skipped.Folder, skipped.Reason);
        var checkpoint = found.Found
            ?? throw new CheckpointException($"--resume: no valid checkpoint in {Plan.Folder}" + string.Concat(found.Skipped.Select(skipped => $"; {skipped.Reason}")));

        var info = checkpoint.Info;
        if (info.DataSha256 != prepare.Pack.Sha256)
            throw new CheckpointException($"--resume: the checkpoint was trained on other data than --data gives now ({info.Classes.Count} classes then, {pack.Classes.Count} now).");
        if (info.Preset.ToJson() != Plan.Preset || info.Seed != Plan.Seed)
            throw new CheckpointException($"--resume: {checkpoint.Folder} belongs to another preset or seed.");
        return checkpoint;
    }

    private void RunReplica(ReplicaLoop loop, CountdownEvent prepared)
    {
        try
        {
            loop.Run(() =>
            {
                prepared.Signal();
                _begin.Wait(_aborted.Token);
                report(loop.Progress(node, prepare.Run)); // so that the first report does not wait for a step
            }, () =>
            {
                if (loop.Index == 0)
                    report(loop.Progress(node, prepare.Run));
            });
        }
        catch (Exception error)
        {
            Fail(error);
        }
    }

    private static void RequireSameFingerprint(ReplicaLoop[] loops)
    {
        if (loops.FirstOrDefault(loop => loop.Fingerprint != loops[0].Fingerprint) is { } other)
            throw new InvalidOperationException($"Replica {other.Index} on {other.Device} starts with other weights than replica 0 on {loops[0].Device}.");
    }

    /// <summary>Keeps the first failure, and ends every other thread of this run.</summary>
    private void Fail(Exception error)
    {
        lock (_failureLock)
        {
            if (_failure is null && !(error is OperationCanceledException && _aborted.IsCancellationRequested))
                _failure = error;
        }

        _aborted.Cancel();
    }

    private void ReportFailure()
    {
        if (_abortReason is { } reason)
        {
            _log.Aborted(prepare.Run, reason);
            return;
        }

        if (_failure is not { } failure)
            return;

        var badInput = failure is CheckpointException or BadDataException or PresetException;
        var lostPeer = failure is CollectiveException and not DivergenceException;
        _log.Failed(failure, prepare.Run);
        report(new MemberFailed(prepare.Run, node, failure.Message, badInput, lostPeer));
    }
}
