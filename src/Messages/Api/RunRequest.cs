using System.Text.Json.Serialization;

namespace Ganymede.Messages.Api;

/// <summary>POST /api/runs: train this. The preset arrives resolved, so the Coordinator needs to know no networks.</summary>
public sealed record RunRequest
{
    /// <summary>Seed of runs and of generation jobs when none is given: a result is reproducible unless asked otherwise.</summary>
    public const ulong DefaultSeed = 42;

    /// <summary>Folder for everything the run writes; absolute, reachable by every node.</summary>
    public required string Folder { get; init; }

    public required string PresetName { get; init; }

    /// <summary>The resolved preset as canonical JSON, overrides applied.</summary>
    public required string Preset { get; init; }

    /// <summary>What <c>--data</c> said, made absolute.</summary>
    public required string Data { get; init; }

    /// <summary>Height and width in pixels of what the preset trains on.</summary>
    public required int Size { get; init; }

    /// <summary>1 (grey) or 3 (RGB).</summary>
    public required int Channels { get; init; }

    public required ulong Seed { get; init; }
    public required long Steps { get; init; }

    /// <summary>Images of the global mini-batch.</summary>
    public required int Batch { get; init; }

    /// <summary>V, a power of two: the parts every global mini-batch is cut into.</summary>
    public required int Shards { get; init; }

    /// <summary>Updates of the discriminator a step, as the preset has it.</summary>
    public int CriticSteps { get; init; } = 1;

    /// <summary>Phases a step: D's updates and then G's.</summary>
    [JsonIgnore]
    public int PhasesPerStep => CriticSteps + 1;

    /// <summary>Nodes to train on; the run starts when this many are there.</summary>
    public required int Nodes { get; init; }

    /// <summary>Continue from the folder's newest valid checkpoint.</summary>
    public bool Resume { get; init; }

    public long SampleEvery { get; init; }
    public long CheckpointEvery { get; init; }
    public bool SkipUnreadable { get; init; }

    /// <summary>Newest checkpoints that are kept; 0 for all.</summary>
    public int KeepCheckpoints { get; init; } = 3;

    /// <summary>After how long a member that does nothing any more must be out of the run; every deadline derives from it.</summary>
    public double MaxStallSeconds { get; init; } = StallDeadlines.DefaultSeconds;

    /// <summary>Members own shards by their measured speed, rather than evenly. Changes no result.</summary>
    public bool Rebalance { get; init; } = true;

    /// <summary>
    /// One of several runs that go on beside each other: it gets <see cref="Nodes"/> nodes of its own, and no more join it. Any other run has the whole
    /// cluster, and nodes that come later join it.
    /// </summary>
    public bool Trial { get; init; }

    /// <summary>All that is wrong with the figures, each naming its option; empty when fine.</summary>
    public IReadOnlyList<string> Problems()
    {
        List<string> problems = [];
        if (!Path.IsPathFullyQualified(Folder))
            problems.Add($"--out '{Folder}': not an absolute path.");
        if (PresetName.Length == 0 || Preset.Length == 0)
            problems.Add("--preset: missing.");
        if (Size is < 1 or > 4096 || Channels is not (1 or 3))
            problems.Add($"--preset {PresetName}: {Size} pixels and {Channels} channels; 1 to 4096 pixels and 1 or 3 channels are possible.");
        if (Steps < 1)
            problems.Add($"--steps {Steps}: at least 1.");
        if (CriticSteps is < 1 or > 100)
            problems.Add($"--set criticSteps={CriticSteps}: between 1 and 100.");
        if (Nodes < 1)
            problems.Add($"--nodes {Nodes}: at least 1.");
        if (Shards < 1 || (Shards & (Shards - 1)) != 0)
            problems.Add($"--shards {Shards}: must be a power of two (1, 2, 4, 8, …), so that partial sums form a binary tree.");
        if (Shards > 1024)
            problems.Add($"--shards {Shards}: at most 1,024.");
        if (Batch is < 1 or > 65_536)
            problems.Add($"--batch {Batch}: between 1 and 65,536.");
        if (Shards >= 1 && Batch >= 1 && Batch % Shards != 0)
            problems.Add($"--batch {Batch}: not divisible by --shards {Shards}.");
        if (Shards >= 1 && Nodes > Shards)
            problems.Add($"--nodes {Nodes}: more members than --shards {Shards}; each member needs at least one shard.");
        if (SampleEvery < 0)
            problems.Add($"--sample-every {SampleEvery}: 0 (never) or more.");
        if (CheckpointEvery < 0)
            problems.Add($"--checkpoint-every {CheckpointEvery}: 0 (only at the end) or more.");
        if (KeepCheckpoints < 0)
            problems.Add($"--keep-checkpoints {KeepCheckpoints}: 0 (all) or more.");
        if (MaxStallSeconds is not (>= StallDeadlines.LeastSeconds and <= StallDeadlines.MostSeconds))
            problems.Add($"--max-stall {MaxStallSeconds}: between {StallDeadlines.LeastSeconds} and {StallDeadlines.MostSeconds} seconds.");
        return problems;
    }
}
