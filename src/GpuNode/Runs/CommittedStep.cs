using Ganymede.Messages;
using Ganymede.Training;

namespace Ganymede.GpuNode.Runs;

/// <summary>What every member knows of a step that is done; the lead writes it down, and any member can in its place.</summary>
/// <param name="Step">Steps committed with this one, from 1.</param>
/// <param name="View">The view in which its last phase was summed.</param>
/// <param name="Fingerprint">Hash of the weights after it; 0 when it was not taken.</param>
/// <param name="RealAccuracy">Part of the real images that D scores above zero, 0..1.</param>
/// <param name="FakeAccuracy">Part of the generated images that D scores at zero or below, 0..1.</param>
public sealed record CommittedStep(
    long Step, long View, ulong Fingerprint, double DiscriminatorLoss, double GeneratorLoss, double RealAccuracy, double FakeAccuracy)
{
    /// <summary>When this member had applied it.</summary>
    public required DateTimeOffset Time { get; init; }

    /// <summary>What this member's thread has spent since it began.</summary>
    public required PhaseSeconds Phases { get; init; }

    /// <summary>Steps so far whose gradients were not finite, so that nothing was updated.</summary>
    public required long Skipped { get; init; }

    /// <summary>What D says besides its loss.</summary>
    public required ScoreFigures Scores { get; init; }

    /// <summary>What the controller saw and did; null without one.</summary>
    public ControllerReport? Control { get; init; }
}
