namespace Ganymede.GpuNode.Runs;

/// <summary>What every member knows of a step that is done; the lead writes it down, and any member can in its place.</summary>
/// <param name="Step">Steps committed with this one, from 1.</param>
/// <param name="View">The view in which its last phase was summed.</param>
/// <param name="Fingerprint">Hash of the weights after it; 0 when it was not taken.</param>
public sealed record CommittedStep(long Step, long View, ulong Fingerprint, double DiscriminatorLoss, double GeneratorLoss)
{
    /// <summary>What D says besides its loss.</summary>
    public required ScoreFigures Scores { get; init; }
}
