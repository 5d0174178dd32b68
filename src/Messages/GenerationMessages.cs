using MessagePack;

namespace Ganymede.Messages;

/// <summary>What fixes the images of a generation job: image i depends on the checkpoint, the seed and i alone.</summary>
/// <param name="RunFolder">The run whose newest valid checkpoint is drawn from; reachable by every node.</param>
/// <param name="Count">Images in all, numbered from 0.</param>
/// <param name="Classes">Names of the classes to draw, in turn; empty for all.</param>
/// <param name="UnitSize">Images a unit; the unit is also the batch, so it is part of what fixes the bits.</param>
/// <param name="Destination">Folder for the images, reachable by every node.</param>
[MessagePackObject]
public sealed record GenerationPlan(
    [property: Key(0)] string RunFolder,
    [property: Key(1)] ulong Seed,
    [property: Key(2)] long Count,
    [property: Key(3)] string[] Classes,
    [property: Key(4)] int UnitSize,
    [property: Key(5)] string Destination)
{
    /// <summary>Number of units, the last one possibly shorter.</summary>
    [IgnoreMember]
    public long Units => (Count + UnitSize - 1) / UnitSize;
}

/// <summary>Coordinator to every node: draw for this job; pull your work.</summary>
[MessagePackObject]
public sealed record StartSampling(
    [property: Key(0)] JobId Job,
    [property: Key(1)] GenerationPlan Plan) : IClusterMessage;

/// <summary>Sampler to Coordinator: the generator is loaded, I can draw.</summary>
/// <param name="JobKey">Names checkpoint, seed, count, classes and unit size; equal keys draw equal bytes.</param>
[MessagePackObject]
public sealed record SamplerReady(
    [property: Key(0)] JobId Job,
    [property: Key(1)] NodeId Node,
    [property: Key(2)] string Checkpoint,
    [property: Key(3)] string JobKey) : IClusterMessage;

/// <summary>Sampler to Coordinator: give me a unit. Answered when there is one, now or later.</summary>
[MessagePackObject]
public sealed record RequestUnit(
    [property: Key(0)] JobId Job,
    [property: Key(1)] NodeId Node) : IClusterMessage;

/// <summary>Coordinator to sampler: this unit is yours until its lease, which the Coordinator keeps, ends.</summary>
[MessagePackObject]
public sealed record UnitLeased(
    [property: Key(0)] JobId Job,
    [property: Key(1)] long Unit) : IClusterMessage;

/// <summary>Sampler to Coordinator: the unit is in storage, whole.</summary>
[MessagePackObject]
public sealed record UnitCommitted(
    [property: Key(0)] JobId Job,
    [property: Key(1)] NodeId Node,
    [property: Key(2)] long Unit,
    [property: Key(3)] int Images) : IClusterMessage;

/// <summary>Sampler to Coordinator: I cannot draw or store for this job.</summary>
[MessagePackObject]
public sealed record SamplingFailed(
    [property: Key(0)] JobId Job,
    [property: Key(1)] NodeId Node,
    [property: Key(2)] string Reason,
    [property: Key(3)] bool BadInput) : IClusterMessage;

/// <summary>Coordinator to every sampler: the job ended; forget it.</summary>
[MessagePackObject]
public sealed record StopSampling([property: Key(0)] JobId Job) : IClusterMessage;
