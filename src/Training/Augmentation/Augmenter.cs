using Ganymede.Datasets;
using TorchSharp;
using static TorchSharp.torch;

namespace Ganymede.Training;

/// <summary>
/// All of a preset's augmentation, in DiffAugment's order: colours, translation, cutout; each for each image with the probability of <see
/// cref="AdaptiveStrength"/>. What an image gets is a pure function of (seed, update or step, shard) and this probability.
/// </summary>
internal sealed class Augmenter(Preset preset, ImagePack data, AdaptiveStrength strength, ScalarType precision, Device device) : IDisposable
{
    private const int Kinds = 3;

    private Translation _translation = new(preset.Augment.Translation, preset.Size, data.Background, precision, device);
    private readonly ColorShift _color = new(preset.Augment.Color);
    private Cutout _cutout = new(preset.Augment.Cutout, preset.Size, data.Background, precision, device);

    public AdaptiveStrength Strength { get; } = strength;

    /// <summary>Other translation and cutout from now on.</summary>
    public void Set(AugmentSettings augment)
    {
        Dispose();
        _translation = new(augment.Translation, preset.Size, data.Background, precision, device);
        _cutout = new(augment.Cutout, preset.Size, data.Background, precision, device);
    }

    /// <summary>What is done to the phase's first or second b images.</summary>
    /// <param name="index">D's update, or G's step.</param>
    /// <param name="part">0 or 1: one stream, in this order. In phase D the real images come first; in phase G the generated ones.</param>
    public AugmentPlan Plan(ShardPlan plan, Phase phase, long index, int shard, int part)
    {
        var gates = Strength.IsOn ? Second(plan.Random(phase, RandomPurpose.DiscriminatorGate, index, shard), part, Gates) : null;
        return new(
            Gated(Second(plan.Augmentation(phase, index, shard), part, random => _translation.Draw(random, plan.Samples)), gates, 0, (0, 0)),
            _color.IsOn ? Gated(Second(plan.Random(phase, RandomPurpose.DiscriminatorColor, index, shard), part, random => _color.Draw(random, plan.Samples)), gates, 1, ColorShift.None) : null,
            _cutout.Side > 0 ? Gated(Second(plan.Random(phase, RandomPurpose.DiscriminatorCutout, index, shard), part, random => _cutout.Draw(random, plan.Samples)), gates, 2, Cutout.None) : null);

        double[] Gates(CounterRandom random) => [.. Enumerable.Range(0, Kinds * plan.Samples).Select(_ => random.NextDouble())];
    }

    /// <param name="images">[b, C, H, W], in -1..1.</param>
    /// <returns>[b, C, H, W], differentiable through the images.</returns>
    public Tensor Apply(Tensor images, AugmentPlan plan)
    {
        using var scope = NewDisposeScope();
        var seen = plan.Colors is null ? images : ColorShift.Apply(images, plan.Colors);
        seen = _translation.Apply(seen, plan.Shifts);
        return (plan.Holes is null ? seen : _cutout.Apply(seen, plan.Holes)).MoveToOuterDisposeScope();
    }

    public void Dispose()
    {
        _translation.Dispose();
        _cutout.Dispose();
    }

    private static T Second<T>(CounterRandom random, int part, Func<CounterRandom, T> draw)
    {
        for (var before = 0; before < part; before++)
        {
            draw(random);
        }

        return draw(random);
    }

    /// <summary>An image whose gate is not below the probability is left alone.</summary>
    private T[] Gated<T>(T[] drawn, double[]? gates, int kind, T none)
    {
        for (var image = 0; gates is not null && image < drawn.Length; image++)
        {
            if (gates[kind * drawn.Length + image] >= Strength.Probability)
            {
                drawn[image] = none;
            }
        }

        return drawn;
    }
}

/// <summary>What each image of a batch gets.</summary>
internal sealed record AugmentPlan(
    (int Down, int Right)[] Shifts, (double Brightness, double Saturation, double Contrast)[]? Colors, (int Top, int Left)[]? Holes);
