namespace Ganymede.Messages.Api;

/// <summary>What a job's event stream carries; <see cref="Text"/> alone makes a readable log line.</summary>
public enum RunEventKind
{
    /// <summary>A change of state in words.</summary>
    State,

    /// <summary>The data set is packed: <see cref="RunEvent.Data"/>.</summary>
    Data,

    /// <summary><see cref="RunEvent.Progress"/>, about once a second.</summary>
    Progress,

    /// <summary>A sample grid or a checkpoint was written.</summary>
    Artifact,

    /// <summary>Last event of a run: <see cref="RunEvent.Result"/>.</summary>
    Finished,

    /// <summary>Last event of a job that failed: <see cref="RunEvent.Text"/> says why, <see cref="RunEvent.BadInput"/> whose fault it is.</summary>
    Failed,
}

/// <summary>One event of a run or generation job, numbered from 1.</summary>
public sealed record RunEvent
{
    public long Sequence { get; init; }
    public DateTimeOffset Time { get; init; }
    public required RunEventKind Kind { get; init; }
    public required string Text { get; init; }
    public bool BadInput { get; init; }
    public DataSummary? Data { get; init; }
    public RunProgress? Progress { get; init; }
    public RunResult? Result { get; init; }
    public GenerationProgress? Generation { get; init; }
    public GenerationResult? GenerationResult { get; init; }
}

/// <summary>The packed data set: images in all and by class, and files left out with their reason.</summary>
public sealed record DataSummary(
    string Name, int Images, int Size, int Channels, string Sha256, IReadOnlyList<ClassCount> Classes, IReadOnlyList<string> Skipped);

public sealed record ClassCount(string Class, int Images);

/// <param name="Step">Steps committed.</param>
/// <param name="StepsPerSecond">Over the last reports.</param>
/// <param name="Nodes">What each node last said of itself.</param>
public sealed record RunProgress(
    long Step, long Steps, double DiscriminatorLoss, double GeneratorLoss, double StepsPerSecond, double ImagesPerSecond,
    double SecondsLeft, IReadOnlyList<NodeProgress> Nodes);

/// <summary>A node, as it last reported.</summary>
public sealed record NodeProgress(string Node, long Step, long LiveTensors, long ResidentBytes)
{
    /// <summary>Of V, in the view in force.</summary>
    public int Shards { get; init; }

    /// <summary>What a shard of a step takes it to compute, both phases, in the mean of the view; null until it is measured.</summary>
    public double? SecondsPerShard { get; init; }
}

/// <summary>The object that <c>train --json</c> prints.</summary>
public sealed record RunResult
{
    public required string Run { get; init; }
    public required string Folder { get; init; }
    public required string Preset { get; init; }
    public required string Data { get; init; }

    /// <summary>Steps committed in all; fewer than asked for when <see cref="Stopped"/>.</summary>
    public required long Steps { get; init; }

    public required bool Stopped { get; init; }
    public required int Nodes { get; init; }
    public required int Replicas { get; init; }
    public required int Shards { get; init; }
    public required int GlobalBatch { get; init; }
    public required ulong Seed { get; init; }
    public required double SecondsTraining { get; init; }
    public required double ImagesPerSecond { get; init; }
    public required PhaseSecondsResult PhaseSeconds { get; init; }
    public required string WeightsSha256 { get; init; }
    public required long Views { get; init; }

    /// <summary>Real samples consumed since step 0.</summary>
    public required long SamplesCommitted { get; init; }

    public required string? Checkpoint { get; init; }
    public required string? Grid { get; init; }
}

/// <summary>Seconds of the lead member's replica threads, by what they were doing.</summary>
public sealed record PhaseSecondsResult(double Compute, double ExposedCommunication, double Optimizer);
