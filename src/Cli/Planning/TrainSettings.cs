using System.Collections.Immutable;
using Ganymede.Messages;

namespace Ganymede.Cli;

/// <summary>What the user asked to train; null where the preset or the run's checkpoint decides.</summary>
internal sealed record TrainSettings
{
    public required string Data { get; init; }
    public required string Preset { get; init; }
    public IReadOnlyList<string> Set { get; init; } = [];
    public required ClusterFlags.Values Cluster { get; init; }
    public long? Steps { get; init; }
    public int? Batch { get; init; }
    public int? Shards { get; init; }
    public required ulong Seed { get; init; }
    public string? Folder { get; init; }
    public bool Resume { get; init; }
    public long SampleEvery { get; init; } = 250;
    public long CheckpointEvery { get; init; } = 500;
    public int KeepCheckpoints { get; init; } = 3;
    public bool SkipUnreadable { get; init; }
    public double MaxStallSeconds { get; init; } = StallDeadlines.DefaultSeconds;
    public bool Rebalance { get; init; } = true;

    /// <summary>Those of --data, --preset, --set and --seed that the user wrote; for the others a resumed run keeps what it has.</summary>
    public ImmutableHashSet<string> Given { get; init; } = [];
}

/// <summary>What the user asked to draw.</summary>
internal sealed record GenerateSettings(
    string Run, long Count, IReadOnlyList<string> Classes, ulong Seed, string? To, int Unit, ClusterFlags.Values Cluster);
