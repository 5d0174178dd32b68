using MessagePack;

namespace Ganymede.Messages;

/// <summary>What fixes the result of a run, apart from the data: equal plans on equal data give equal weights.</summary>
/// <param name="Preset">The resolved preset as canonical JSON.</param>
/// <param name="Steps">Total number of steps; the run ends when this many are committed.</param>
/// <param name="Folder">The run's folder, reachable by every node.</param>
/// <param name="SampleEvery">Steps between sample grids; 0 for none but the last.</param>
/// <param name="CheckpointEvery">Steps between checkpoints; 0 for none but the last.</param>
/// <param name="KeepCheckpoints">Newest checkpoints that are kept; 0 for all.</param>
/// <param name="MaxStallSeconds">The knob that <see cref="StallDeadlines"/> derives every deadline of the run from.</param>
/// <param name="CriticSteps">Updates of D a step, each with a mini-batch of its own; one of G follows.</param>
[MessagePackObject]
public sealed record RunPlan(
    [property: Key(0)] string PresetName,
    [property: Key(1)] string Preset,
    [property: Key(2)] ulong Seed,
    [property: Key(3)] long Steps,
    [property: Key(4)] int Batch,
    [property: Key(5)] int Shards,
    [property: Key(6)] string Folder,
    [property: Key(7)] long SampleEvery,
    [property: Key(8)] long CheckpointEvery,
    [property: Key(9)] double MaxStallSeconds,
    [property: Key(10)] int KeepCheckpoints,
    [property: Key(11)] int CriticSteps)
{
    /// <summary>Phases a step: D's, then G's. A position, which counts phases, is this times the step plus the phase in hand.</summary>
    [IgnoreMember]
    public int PhasesPerStep => CriticSteps + 1;

    /// <summary>Real images a step.</summary>
    [IgnoreMember]
    public long SamplesPerStep => (long)Batch * CriticSteps;
}

/// <summary>Where the packed data set is served, and the hash it must have.</summary>
[MessagePackObject]
public sealed record PackLocation(
    [property: Key(0)] string Host,
    [property: Key(1)] int Port,
    [property: Key(2)] string Sha256,
    [property: Key(3)] long Bytes);

/// <summary>One node's place in a view: where its data plane is, and which shards its replicas own.</summary>
[MessagePackObject]
public sealed record ViewMember(
    [property: Key(0)] NodeId Node,
    [property: Key(1)] string Host,
    [property: Key(2)] int Port,
    [property: Key(3)] int FirstShard,
    [property: Key(4)] int ShardCount,
    [property: Key(5)] int Replicas);

/// <summary>The numbered list of members that train together, in the order of their shards. The first one writes the run's files.</summary>
[MessagePackObject]
public sealed record View(
    [property: Key(0)] long Number,
    [property: Key(1)] ViewMember[] Members);

/// <summary>Coordinator to a node: fetch the data, build the replicas, load what there is to load, then wait for a view.</summary>
/// <param name="Start">What the replicas hold until a view says more.</param>
[MessagePackObject]
public sealed record PrepareRun(
    [property: Key(0)] RunId Run,
    [property: Key(1)] RunPlan Plan,
    [property: Key(2)] PackLocation Pack,
    [property: Key(3)] StartingState Start) : IClusterMessage;

/// <summary>What a member's replicas hold before their first view.</summary>
public enum StartingState
{
    /// <summary>The first weights, at step 0.</summary>
    Fresh,

    /// <summary>The newest valid checkpoint in the run's folder.</summary>
    Checkpoint,

    /// <summary>The same, or the first weights if no checkpoint was written yet.</summary>
    CheckpointIfAny,

    /// <summary>Nothing that counts: a member hands its state over when the view begins.</summary>
    FromMember,
}

/// <summary>Member to Coordinator: ready for a view; said again every <see cref="StallDeadlines.MaxStall"/> until one comes. Step and fingerprint say nothing of one that waits for a member's state.</summary>
/// <param name="PassedOver">Newer checkpoints than the one it starts from, and why they are not valid; null for none.</param>
[MessagePackObject]
public sealed record RunPrepared(
    [property: Key(0)] RunId Run,
    [property: Key(1)] NodeId Node,
    [property: Key(2)] long FirstStep,
    [property: Key(3)] ulong Fingerprint,
    [property: Key(4)] bool PackWasCached,
    [property: Key(5)] string? PassedOver = null) : IClusterMessage;

/// <summary>Coordinator to every member: stop after the step in hand, with a checkpoint. All stop at the same step.</summary>
[MessagePackObject]
public sealed record StopRun(
    [property: Key(0)] RunId Run,
    [property: Key(1)] string Reason) : IClusterMessage;

/// <summary>Coordinator to the first member: write a checkpoint after the step in hand.</summary>
[MessagePackObject]
public sealed record CheckpointRun(
    [property: Key(0)] RunId Run,
    [property: Key(1)] string Reason) : IClusterMessage;

/// <summary>Coordinator to everybody in a run that is paused, every <see cref="StallDeadlines.MaxStall"/>: I am there; keep waiting for the next view.</summary>
[MessagePackObject]
public sealed record HoldRun(
    [property: Key(0)] RunId Run) : IClusterMessage;

/// <summary>Coordinator to a node: drop the run at once, because it failed, or because this node is out of it.</summary>
[MessagePackObject]
public sealed record AbortRun(
    [property: Key(0)] RunId Run,
    [property: Key(1)] string Reason) : IClusterMessage;

/// <summary>Coordinator to every member: all have ended alike and nobody needs your state any more.</summary>
[MessagePackObject]
public sealed record RunOver(
    [property: Key(0)] RunId Run) : IClusterMessage;

/// <summary>Seconds of training since the last report, by what the replica threads were doing.</summary>
[MessagePackObject]
public sealed record PhaseSeconds(
    [property: Key(0)] double Compute,
    [property: Key(1)] double ExposedCommunication,
    [property: Key(2)] double Optimizer);

/// <summary>Member to Coordinator: how far I am. The first member says so about once a second, the others every 50 steps at most, sooner where a view begins. Training does not wait for it.</summary>
/// <param name="Step">Committed steps so far, from 1.</param>
/// <param name="LiveTensors">Tensors alive on the replica threads; flat in a healthy run.</param>
/// <param name="ResidentBytes">Resident memory of the process.</param>
[MessagePackObject]
public sealed record ProgressReport(
    [property: Key(0)] RunId Run,
    [property: Key(1)] NodeId Node,
    [property: Key(2)] long View,
    [property: Key(3)] long Step,
    [property: Key(4)] double DiscriminatorLoss,
    [property: Key(5)] double GeneratorLoss,
    [property: Key(6)] double SecondsTraining,
    [property: Key(7)] PhaseSeconds Phases,
    [property: Key(8)] long LiveTensors,
    [property: Key(9)] long ResidentBytes,
    [property: Key(10)] long SkippedSteps) : IClusterMessage
{
    /// <summary>Of whole steps in <see cref="View"/>, but its first; null before the second is done.</summary>
    [Key(11)]
    public ShardTime? ShardTime { get; init; }
}

/// <summary>How long a member's replicas computed, and how many shards of a step they finished (a shard counts once a step, for both phases).</summary>
[MessagePackObject]
public sealed record ShardTime(
    [property: Key(0)] double Seconds,
    [property: Key(1)] long Shards);

/// <summary>Lead member to Coordinator: a file of the run was written.</summary>
/// <param name="Kind"><c>grid</c> or <c>checkpoint</c>.</param>
[MessagePackObject]
public sealed record ArtifactWritten(
    [property: Key(0)] RunId Run,
    [property: Key(1)] NodeId Node,
    [property: Key(2)] string Kind,
    [property: Key(3)] string Path,
    [property: Key(4)] long Step) : IClusterMessage;

/// <summary>Every member to Coordinator: the controller, which decides alike on all of them, did something after this step.</summary>
/// <param name="Stops">The run ends with it.</param>
/// <param name="Reason">What and why, in words.</param>
[MessagePackObject]
public sealed record ControllerActed(
    [property: Key(0)] RunId Run,
    [property: Key(1)] NodeId Node,
    [property: Key(2)] long Step,
    [property: Key(3)] bool Stops,
    [property: Key(4)] string Reason) : IClusterMessage;

/// <summary>
/// Member to Coordinator: I am done with the run; my last files are on disk. I keep my state until <see cref="RunOver"/>, for
/// members that still lack the last sum.
/// </summary>
/// <param name="Step">Steps committed in all.</param>
/// <param name="SumHash">XXH3-64 of the last sum, as in <see cref="MemberHalted"/>.</param>
/// <param name="FirstStep">The step this member began with.</param>
/// <param name="Stopped">True when it ended before the plan's last step because it was told to.</param>
[MessagePackObject]
public sealed record MemberFinished(
    [property: Key(0)] RunId Run,
    [property: Key(1)] NodeId Node,
    [property: Key(2)] long Step,
    [property: Key(3)] bool Stopped,
    [property: Key(4)] string WeightsSha256,
    [property: Key(5)] long SamplesCommitted,
    [property: Key(6)] double SecondsTraining,
    [property: Key(7)] PhaseSeconds Phases,
    [property: Key(8)] string? Checkpoint,
    [property: Key(9)] string? Grid,
    [property: Key(10)] long View,
    [property: Key(11)] ulong SumHash,
    [property: Key(12)] long FirstStep) : IClusterMessage;

/// <summary>Member to Coordinator: I cannot go on.</summary>
/// <param name="BadInput">True when the user's input is at fault rather than the cluster.</param>
[MessagePackObject]
public sealed record MemberFailed(
    [property: Key(0)] RunId Run,
    [property: Key(1)] NodeId Node,
    [property: Key(2)] string Reason,
    [property: Key(3)] bool BadInput) : IClusterMessage;
