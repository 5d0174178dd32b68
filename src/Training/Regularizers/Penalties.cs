using Ganymede.Datasets;
using TorchSharp;
using static TorchSharp.torch;

namespace Ganymede.Training;

/// <summary>
/// The penalties of a preset, each with the pass over D that it belongs to: R1 and DRAGAN need real images alone, so they are done with the pass that
/// overlaps an exchange; R2 and the gradient penalty come with the pass over generated images. Lazy ones (Karras et al., 2020) are in every k-th of
/// D's updates, k times as heavy.
/// </summary>
internal sealed class Penalties(RegularizerSettings settings, TrainedNetwork<DiscriminatorNetwork> discriminator, ShardPlan plan)
{
    /// <summary>In force; the controller may change them between steps.</summary>
    public RegularizerSettings Settings { get; set; } = settings;

    public bool IsDue(long update) => Settings.DifferentiatesInputs && update % Settings.Every == 0;

    /// <summary>Whether the pass over real images must be differentiable with respect to them.</summary>
    public bool DifferentiatesReal(long update) => Settings.R1 > 0 && IsDue(update);

    /// <summary>Whether the pass over generated images must be differentiable with respect to them.</summary>
    public bool DifferentiatesFake(long update) => Settings.R2 > 0 && IsDue(update);

    /// <returns>Scalar, or null if nothing is due.</returns>
    public Tensor? OfReal(Tensor logits, Tensor images, Tensor labels, long update, int shard)
    {
        if (!IsDue(update) || Settings is { R1: 0, Dragan: 0 })
        {
            return null;
        }

        using var scope = NewDisposeScope();
        var zeroCentered = Settings.R1 > 0 ? ZeroCenteredPenalty.Of(logits, images, Settings.R1 * Settings.Every) : null;
        var oneCentered = Settings.Dragan > 0
            ? OneCentered(Dragan.Points(images, plan.Random(update, shard, RandomPurpose.Perturbation)), labels, Settings.Dragan)
            : null;
        return Sum(zeroCentered, oneCentered)!.MoveToOuterDisposeScope();
    }

    /// <param name="fake">Generated images, without a graph to G.</param>
    /// <returns>Scalar, or null if nothing is due.</returns>
    public Tensor? OfFake(Tensor logits, Tensor fake, long update, int shard)
    {
        if (!IsDue(update) || Settings is { R2: 0, GradientPenalty: 0 })
        {
            return null;
        }

        using var scope = NewDisposeScope();
        var zeroCentered = Settings.R2 > 0 ? ZeroCenteredPenalty.Of(logits, fake, Settings.R2 * Settings.Every) : null;
        Tensor? oneCentered = null;
        if (Settings.GradientPenalty > 0)
        {
            var (real, labels) = plan.Real(update, shard);
            oneCentered = OneCentered(
                GradientPenalty.Points(real, fake, plan.Random(update, shard, RandomPurpose.Interpolation)), labels, Settings.GradientPenalty);
        }

        return Sum(zeroCentered, oneCentered)!.MoveToOuterDisposeScope();
    }

    /// <summary>The sum of those that are there; null if none is.</summary>
    public static Tensor? Sum(Tensor? one, Tensor? other) => one is null ? other : other is null ? one : one.Plus(other);

    /// <summary>A pass of its own, whose batch statistics nobody counts.</summary>
    private Tensor OneCentered(Tensor points, Tensor labels, double weight)
    {
        discriminator.Statistics.Discard();
        return InputGradient.OneCentered(discriminator.Network.forward(points, labels), points, weight * Settings.Every);
    }
}
