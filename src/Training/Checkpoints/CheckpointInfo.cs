namespace Ganymede.Training;

/// <summary>What a run must know besides tensors to continue from a checkpoint.</summary>
public sealed record CheckpointInfo
{
    /// <summary>Steps done; the next one has this number.</summary>
    public required long Step { get; init; }

    /// <summary>Epoch cursor: position in the endless order of samples that the next step starts at.</summary>
    public required long NextSample { get; init; }

    public required Preset Preset { get; init; }
    public required ulong Seed { get; init; }

    /// <summary>Lowercase hex SHA-256 of the packed data set.</summary>
    public required string DataSha256 { get; init; }

    /// <summary>Class names; a label is an index into them.</summary>
    public required IReadOnlyList<string> Classes { get; init; }

    /// <summary>Figures worth keeping, by name; one that is not finite is kept as NaN.</summary>
    public required IReadOnlyDictionary<string, double> Metrics { get; init; }

    /// <summary>Lowercase hex SHA-256 over the generator's, then the discriminator's parameters.</summary>
    public required string WeightsSha256 { get; init; }
}

/// <summary>All tensors that decide how training goes on: everything a joiner or a resumed run needs.</summary>
/// <param name="Generator">Parameters and buffers, named as in the <c>state_dict</c>.</param>
/// <param name="Discriminator">The same of the discriminator.</param>
/// <param name="Ema">The averaged generator.</param>
/// <param name="Optimizer">State of both optimizers, told apart by a prefix.</param>
public sealed record ReplicaState(
    IReadOnlyList<NamedTensor> Generator,
    IReadOnlyList<NamedTensor> Discriminator,
    IReadOnlyList<NamedTensor> Ema,
    IReadOnlyList<NamedTensor> Optimizer)
{
    /// <summary>The four in the order in which they are stored and handed over.</summary>
    internal IReadOnlyList<IReadOnlyList<NamedTensor>> Parts => [Generator, Discriminator, Ema, Optimizer];

    /// <summary>The reverse of <see cref="Parts"/>.</summary>
    internal static ReplicaState Of(IReadOnlyList<IReadOnlyList<NamedTensor>> parts) => new(parts[0], parts[1], parts[2], parts[3]);
}

/// <summary>A checkpoint that was read whole and matched its hashes.</summary>
public sealed record Checkpoint(string Folder, CheckpointInfo Info, ReplicaState State);

/// <summary>The newest usable checkpoint of a run, or null, and the newer ones that could not be used.</summary>
public sealed record NewestCheckpoint(Checkpoint? Found, IReadOnlyList<SkippedCheckpoint> Skipped);

/// <param name="Reason">One line that names the file and its fault.</param>
public sealed record SkippedCheckpoint(string Folder, string Reason);
