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
    public bool IsDue(long update) => settings.DifferentiatesInputs && update % settings.Every == 0;

    /// <summary>Whether the pass over real images must be differentiable with respect to them.</summary>
    public bool DifferentiatesReal(long update) => settings.R1 > 0 && IsDue(update);

    /// <summary>Whether the pass over generated images must be differentiable with respect to them.</summary>
    public bool DifferentiatesFake(long update) => settings.R2 > 0 && IsDue(update);

    /// <returns>Scalar, or null if nothing is due.</returns>
    public Tensor? OfReal(Tensor logits, Tensor images, Tensor labels, long update, int shard)
    {
        if (!IsDue(update) || settings is { R1: 0, Dragan: 0 })
        {
            return null;
        }

        using var scope = NewDisposeScope();
        var zeroCentered = settings.R1 > 0 ? ZeroCenteredPenalty.Of(logits, images, settings.R1 * settings.Every) : null;
        var oneCentered = settings.Dragan > 0
            ? OneCentered(Dragan.Points(images, plan.Random(update, shard, RandomPurpose.Perturbation)), labels, settings.Dragan)
            : null;
        return Sum(zeroCentered, oneCentered)!.MoveToOuterDisposeScope();
    }

    /// <param name="fake">Generated images, without a graph to G.</param>
    /// <returns>Scalar, or null if nothing is due.</returns>
    public Tensor? OfFake(Tensor logits, Tensor fake, long update, int shard)
    {
        if (!IsDue(update) || settings is { R2: 0, GradientPenalty: 0 })
        {
            return null;
        }

        using var scope = NewDisposeScope();
        var zeroCentered = settings.R2 > 0 ? ZeroCenteredPenalty.Of(logits, fake, settings.R2 * settings.Every) : null;
        Tensor? oneCentered = null;
        if (settings.GradientPenalty > 0)
        {
            var (real, labels) = plan.Real(update, shard);
            oneCentered = OneCentered(
                GradientPenalty.Points(real, fake, plan.Random(update, shard, RandomPurpose.Interpolation)), labels, settings.GradientPenalty);
        }

        return Sum(zeroCentered, oneCentered)!.MoveToOuterDisposeScope();
    }

    /// <summary>The sum of those that are there; null if none is.</summary>
    public static Tensor? Sum(Tensor? one, Tensor? other) => one is null ? other : other is null ? one : one.Plus(other);

    /// <summary>A pass of its own, whose batch statistics nobody counts.</summary>
    private Tensor OneCentered(Tensor points, Tensor labels, double weight)
    {
        discriminator.Statistics.Discard();
        return InputGradient.OneCentered(discriminator.Network.forward(points, labels), points, weight * settings.Every);
    }
}
