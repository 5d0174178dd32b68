using MessagePack;

namespace Ganymede.Messages;

/// <summary>Anybody to the Coordinator: which runs are there? Answered with <see cref="RunList"/>, without their views, newest first.</summary>
[MessagePackObject]
public sealed record ListRuns : IClusterMessage;

/// <summary>Anybody to the Coordinator: what of this run? Answered with <see cref="RunList"/>, of one or none, with its views.</summary>
/// <param name="Run">Its id; empty for the one that goes on, or else the newest.</param>
[MessagePackObject]
public sealed record DescribeRun([property: Key(0)] string Run) : IClusterMessage;

/// <summary>Anybody to the Coordinator: which nodes are there? Answered with <see cref="NodeList"/>.</summary>
[MessagePackObject]
public sealed record ListNodes : IClusterMessage;

/// <summary>Anybody to the Coordinator: which generation jobs are there? Answered with <see cref="GenerationList"/>, newest first.</summary>
[MessagePackObject]
public sealed record ListGenerations : IClusterMessage;

/// <summary>Anybody to the Coordinator: what happened in this job? Answered with <see cref="EventPage"/>.</summary>
/// <param name="Job">A run's or a generation job's id; empty for the run that goes on, or else the newest.</param>
/// <param name="After">Events numbered above this.</param>
/// <param name="Most">At most so many, of those the first.</param>
[MessagePackObject]
public sealed record ReadEvents(
    [property: Key(0)] string Job,
    [property: Key(1)] long After,
    [property: Key(2)] int Most) : IClusterMessage;

/// <summary>Answer to <see cref="ListRuns"/> and <see cref="DescribeRun"/>.</summary>
[MessagePackObject]
public sealed record RunList([property: Key(0)] RunDescription[] Runs) : IClusterMessage;

/// <summary>Answer to <see cref="ListNodes"/>, in order of their ids.</summary>
[MessagePackObject]
public sealed record NodeList([property: Key(0)] NodeDescription[] Nodes) : IClusterMessage;

/// <summary>Answer to <see cref="ListGenerations"/>.</summary>
[MessagePackObject]
public sealed record GenerationList([property: Key(0)] GenerationDescription[] Jobs) : IClusterMessage;

/// <summary>Answer to <see cref="ReadEvents"/>.</summary>
/// <param name="Job">The job's id; null when there is none.</param>
/// <param name="IsLast">The job has ended and nothing follows these.</param>
[MessagePackObject]
public sealed record EventPage(
    [property: Key(0)] string? Job,
    [property: Key(1)] EventLine[] Events,
    [property: Key(2)] bool IsLast) : IClusterMessage;

/// <summary>One event of a job in words.</summary>
/// <param name="Kind">As in the HTTP API: <c>state</c>, <c>data</c>, <c>progress</c>, <c>artifact</c>, <c>finished</c>, <c>failed</c>.</param>
[MessagePackObject]
public sealed record EventLine(
    [property: Key(0)] long Sequence,
    [property: Key(1)] DateTimeOffset Time,
    [property: Key(2)] string Kind,
    [property: Key(3)] string Text);
