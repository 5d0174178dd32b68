namespace Ganymede.Messages.Api;

/// <summary>POST /api/generations: draw labelled images from a run's newest checkpoint.</summary>
public sealed record GenerationRequest
{
    /// <summary>The run's folder; absolute, reachable by every node.</summary>
    public required string RunFolder { get; init; }

    /// <summary>Folder for the images; absolute.</summary>
    public required string Destination { get; init; }

    public required long Count { get; init; }
    public required ulong Seed { get; init; }

    /// <summary>Class names to draw; empty for all, in turn.</summary>
    public IReadOnlyList<string> Classes { get; init; } = [];

    /// <summary>Nodes to draw on; the job starts when this many are there.</summary>
    public required int Nodes { get; init; }

    /// <summary>Images a unit (and a batch).</summary>
    public int UnitSize { get; init; } = 50;

    /// <summary>All that is wrong with the figures, each naming its option; empty when fine.</summary>
    public IReadOnlyList<string> Problems()
    {
        List<string> problems = [];
        if (!Path.IsPathFullyQualified(RunFolder))
            problems.Add($"--run '{RunFolder}': not an absolute path.");
        if (!Path.IsPathFullyQualified(Destination))
            problems.Add($"--to '{Destination}': not an absolute path.");
        if (Classes.Any(string.IsNullOrEmpty))
            problems.Add("--class: an empty name.");
        if (Count is < 1 or > 1_000_000_000)
            problems.Add($"--count {Count}: between 1 and 1,000,000,000.");
        if (Nodes < 1)
            problems.Add($"--nodes {Nodes}: at least 1.");
        if (UnitSize is < 1 or > 4096)
            problems.Add($"--unit {UnitSize}: between 1 and 4096 images.");
        return problems;
    }
}

public sealed record GenerationProgress(long Images, long Count, double ImagesPerSecond);

/// <summary>The object that <c>generate --json</c> prints.</summary>
public sealed record GenerationResult(
    string Job, string Destination, long Images, int Nodes, ulong Seed, double Seconds, double ImagesPerSecond, string Metadata);
