using MessagePack;

namespace Ganymede.Messages;

/// <summary>A run as its Coordinator knows it, at most a second old.</summary>
/// <param name="State"><c>packing</c>, <c>taking over</c>, <c>gathering</c>, <c>preparing</c>, <c>training</c>, <c>pausing</c>, <c>paused</c>, <c>stopping</c>, <c>finished</c>, <c>stopped</c>, <c>failed</c>.</param>
/// <param name="Step">Steps committed.</param>
/// <param name="Nodes">How many it was started for.</param>
/// <param name="View">Number of the newest view; 0 before the first.</param>
/// <param name="PausedBy">Who paused it; null while it is not.</param>
/// <param name="Text">Its newest event that is not progress, in words.</param>
[MessagePackObject]
public sealed record RunDescription(
    [property: Key(0)] string Run,
    [property: Key(1)] string State,
    [property: Key(2)] string Preset,
    [property: Key(3)] string Data,
    [property: Key(4)] string Folder,
    [property: Key(5)] ulong Seed,
    [property: Key(6)] long Step,
    [property: Key(7)] long Steps,
    [property: Key(8)] int Batch,
    [property: Key(9)] int Shards,
    [property: Key(10)] int Nodes,
    [property: Key(11)] DateTimeOffset Begun,
    [property: Key(12)] DateTimeOffset? Ended,
    [property: Key(13)] double? DiscriminatorLoss,
    [property: Key(14)] double? GeneratorLoss,
    [property: Key(15)] double StepsPerSecond,
    [property: Key(16)] double ImagesPerSecond,
    [property: Key(17)] double SecondsLeft,
    [property: Key(18)] long View,
    [property: Key(19)] string? PausedBy,
    [property: Key(20)] string Text,
    [property: Key(21)] MemberDescription[] Members,
    [property: Key(22)] ViewDescription[] Views)
{
    /// <summary>Nothing more will happen in it.</summary>
    [IgnoreMember]
    public bool IsOver => State is "finished" or "stopped" or "failed";
}

/// <summary>A member of a run.</summary>
/// <param name="State"><c>training</c>, <c>preparing</c>, <c>joining</c>, <c>leaving</c>, <c>halted</c> (its view is over), <c>paused</c>, <c>lost</c>, <c>finished</c>.</param>
/// <param name="FirstShard">With <paramref name="ShardCount"/>: the shards it owns; none before its first view.</param>
/// <param name="Step">What it last reported.</param>
/// <param name="ImagesPerSecond">Its part of the run's speed, by its shards.</param>
/// <param name="ResidentBytes">Resident memory of its process.</param>
[MessagePackObject]
public sealed record MemberDescription(
    [property: Key(0)] string Node,
    [property: Key(1)] string State,
    [property: Key(2)] int FirstShard,
    [property: Key(3)] int ShardCount,
    [property: Key(4)] long Step,
    [property: Key(5)] double ImagesPerSecond,
    [property: Key(6)] long LiveTensors,
    [property: Key(7)] long ResidentBytes);

/// <summary>A view that was issued: when, from where, why, to whom.</summary>
/// <param name="Step">Steps committed when it began.</param>
/// <param name="Phase">The phase it began with: <c>D</c> or <c>G</c>.</param>
/// <param name="Members"><c>node: first..last</c> each.</param>
[MessagePackObject]
public sealed record ViewDescription(
    [property: Key(0)] long Number,
    [property: Key(1)] DateTimeOffset Time,
    [property: Key(2)] long Step,
    [property: Key(3)] string Phase,
    [property: Key(4)] string Reason,
    [property: Key(5)] string[] Members);

/// <summary>A GPU node that is registered.</summary>
/// <param name="Akka">Akka address of its process.</param>
/// <param name="State"><c>free</c>, <c>drained</c>, or what it is in its run, as in <see cref="MemberDescription"/>.</param>
/// <param name="DrainedBy">Who drained it; null if nobody did.</param>
/// <param name="Run">The run it is in; null for none.</param>
/// <param name="Unreachable">The cluster's failure detector hears nothing of its process; it may train on for all that.</param>
[MessagePackObject]
public sealed record NodeDescription(
    [property: Key(0)] string Node,
    [property: Key(1)] string Akka,
    [property: Key(2)] string Data,
    [property: Key(3)] string[] Devices,
    [property: Key(4)] int ThreadsPerReplica,
    [property: Key(5)] int ProcessId,
    [property: Key(6)] string State,
    [property: Key(7)] string? DrainedBy,
    [property: Key(8)] string? Run,
    [property: Key(9)] long View,
    [property: Key(10)] MemberDescription? Member,
    [property: Key(11)] DateTimeOffset Registered,
    [property: Key(12)] bool Unreachable);

/// <summary>A generation job.</summary>
/// <param name="State"><c>gathering</c>, <c>drawing</c>, <c>finished</c>, <c>failed</c>.</param>
/// <param name="Text">Its newest event that is not progress, in words.</param>
[MessagePackObject]
public sealed record GenerationDescription(
    [property: Key(0)] string Job,
    [property: Key(1)] string State,
    [property: Key(2)] string RunFolder,
    [property: Key(3)] string Destination,
    [property: Key(4)] long Images,
    [property: Key(5)] long Count,
    [property: Key(6)] double ImagesPerSecond,
    [property: Key(7)] string[] Samplers,
    [property: Key(8)] DateTimeOffset Begun,
    [property: Key(9)] DateTimeOffset? Ended,
    [property: Key(10)] string Text)
{
    /// <summary>Nothing more will happen in it.</summary>
    [IgnoreMember]
    public bool IsOver => State is "finished" or "failed";
}
