using Ganymede.Training;

namespace Ganymede.GpuNode.Runs;

/// <summary>What D's last update of a step says besides its loss; means over the global mini-batch.</summary>
/// <param name="RealScore">E D(x).</param>
/// <param name="FakeScore">E D(G(z)).</param>
/// <param name="WassersteinEstimate">Their difference, where the loss makes it an estimate of the distance; else null.</param>
/// <param name="Penalty">Penalties in D's loss; null for a preset without any.</param>
/// <param name="ClassLoss">Cross-entropy of guessed classes; null where none are guessed.</param>
/// <param name="AugmentationProbability">ADA's; null where it does not adapt.</param>
public sealed record ScoreFigures(
    double RealScore, double FakeScore, double? WassersteinEstimate, double? Penalty, double? ClassLoss, double? AugmentationProbability)
{
    /// <param name="report">Of D's phase.</param>
    /// <param name="probability">As of then.</param>
    public static ScoreFigures Of(Preset preset, PhaseReport report, double probability) => new(
        report.RealScore, report.FakeScore,
        preset.Loss == LossKind.Wasserstein ? report.WassersteinEstimate : null,
        preset.Regularizer.DifferentiatesInputs ? report.Penalty : null,
        preset.Discriminator.Conditioning is Conditioning.Auxiliary or Conditioning.SemiSupervised ? report.ClassLoss : null,
        preset.Augment.AdaptiveTarget > 0 ? probability : null);
}
