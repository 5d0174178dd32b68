using System.Numerics;

namespace Ganymede.Training;

/// <summary>What the settings of a preset must satisfy together; each one's own range is in <see cref="PresetKeys"/>.</summary>
internal static class PresetRules
{
    private const int ArticleSize = 64, ArticleHalvings = 5, FirstMap = 4;

    /// <summary>Every broken rule, as a sentence that names keys and values.</summary>
    public static IEnumerable<string> Broken(Preset preset) => [.. Sizes(preset), .. Sharding(preset), .. Networks(preset), .. Losses(preset), .. Techniques(preset), .. Controls(preset.Controller)];

    private static IEnumerable<string> Sizes(Preset p)
    {
        if (!BitOperations.IsPow2(p.Size))
            yield return $"size is {p.Size}, allowed: 16, 32, 64, 128";
        if (p.Channels is not (1 or 3))
            yield return $"channels is {p.Channels}, allowed: 1 (grey), 3 (RGB)";
    }

    private static IEnumerable<string> Sharding(Preset p)
    {
        if (!BitOperations.IsPow2(p.Shards))
            yield return $"shards is {p.Shards}, which is not a power of two";
        if (p.Batch % p.Shards != 0)
            yield return $"batch {p.Batch} is not divisible by shards {p.Shards}";
        else if (p.UsesBatchNorm && p.SamplesPerShard < 2)
            yield return $"batch {p.Batch} over shards {p.Shards} leaves one image a shard, and batch norm needs two "
                + "(or generator.norm=none and discriminator.norm=none)";
    }

    private static IEnumerable<string> Networks(Preset p)
    {
        var (generator, discriminator) = (p.Generator, p.Discriminator);
        if (generator.Norm == NormKind.ConditionalBatch && !p.Conditional)
            yield return "generator.norm is conditional-batch, which needs conditional=true";

        if (generator.Architecture == GeneratorArchitecture.Article)
        {
            if (p.Size != ArticleSize)
                yield return $"size is {p.Size}, but generator.architecture article draws {ArticleSize}x{ArticleSize} only";
        }

        // The width is halved once for each doubling of 4 pixels to the size, in some networks without the last one.
        var doublings = BitOperations.Log2((uint)(p.Size / FirstMap));
        var halvings = generator.Architecture switch
        {
            GeneratorArchitecture.Article or GeneratorArchitecture.Dcgan => doublings - 1,
            GeneratorArchitecture.Residual => ResidualGenerator.Halvings(p.Size),
            _ => doublings,
        };
        if (BitOperations.IsPow2(p.Size) && generator.Width % (1 << halvings) != 0)
            yield return $"generator.width is {generator.Width}, and must be a multiple of {1 << halvings} for size {p.Size}";

        if (discriminator.Architecture == DiscriminatorArchitecture.Article)
        {
            if (p.Size != ArticleSize)
                yield return $"size is {p.Size}, but discriminator.architecture article takes {ArticleSize}x{ArticleSize} only";
            if (discriminator.Width % (1 << ArticleHalvings) != 0)
                yield return $"discriminator.width is {discriminator.Width}, and must be a multiple of {1 << ArticleHalvings} "
                    + "for architecture article";
        }
    }

    private static IEnumerable<string> Losses(Preset p)
    {
        if (p.Technique.LabelSmoothing > 0 && p.Loss is not (LossKind.Minimax or LossKind.NonSaturating))
            yield return "technique.labelSmoothing smooths the targets of a cross-entropy, which only loss minimax and non-saturating have";
        if (p.Regularizer.GradientPenalty > 0 && p.Discriminator.Norm is NormKind.Batch)
            yield return "regularizer.gradientPenalty is of each image by itself, which discriminator.norm batch mixes with others "
                + "(none or layer; Gulrajani et al. 2017, section 4)";
        if (p.Discriminator.MinibatchKernels > 0)
        {
            foreach (var penalty in PenaltiesOf(p))
                yield return $"{penalty} is of each image by itself, which discriminator.minibatchKernels {p.Discriminator.MinibatchKernels} mixes with others (one of them must be 0)";
        }

        if (p.Regularizer.Clip > 0 && p.Discriminator.SpectralNorm)
            yield return "regularizer.clip has no effect under discriminator.spectralNorm";
        if (p.Regularizer.Every > 1 && !p.Regularizer.DifferentiatesInputs)
            yield return $"regularizer.every is {p.Regularizer.Every}, but no penalty is on";
    }

    /// <summary>The keys of the penalties that are on, or that the controller may turn on.</summary>
    private static IEnumerable<string> PenaltiesOf(Preset p) => new[]
    {
        ("regularizer.gradientPenalty", p.Regularizer.GradientPenalty), ("regularizer.r1", p.Regularizer.R1), ("regularizer.r2", p.Regularizer.R2),
        ("regularizer.dragan", p.Regularizer.Dragan), ("controller.r1", p.Controller.IsOn ? p.Controller.R1 : 0),
    }.Where(penalty => penalty.Item2 > 0).Select(penalty => penalty.Item1);

    private static IEnumerable<string> Controls(ControllerSettings c)
    {
        if (c.IsOn && !c.WatchesAnything)
            yield return "controller.window is set, but every signal is left unwatched (controller.signRate, .diversity, .classes, .gradientGrowth, .nonFinite)";
        if (c.IsOn && c.Every > c.Window)
            yield return $"controller.every is {c.Every}, which is more than the {c.Window} steps of controller.window";
        if (c.IsOn && c.GradientGrowth > 0 && c.GradientGrowth <= c.Hysteresis)
            yield return $"controller.gradientGrowth is {c.GradientGrowth}, and must be above controller.hysteresis {c.Hysteresis}";
    }

    private static IEnumerable<string> Techniques(Preset p)
    {
        if (p.Discriminator.Conditioning == Conditioning.SemiSupervised && p.Conditional)
            yield return "discriminator.conditioning semi-supervised goes with conditional=false: the discriminator guesses the class, the generator is not told one";
        if (p.Discriminator.Conditioning is (Conditioning.Auxiliary or Conditioning.Concatenation) && !p.Conditional)
            yield return "discriminator.conditioning auxiliary and concatenation need conditional=true";
        if (p.Augment.AdaptiveTarget > 0 && p.Augment is { Translation: 0, Color: 0, Cutout: 0 })
            yield return "augment.adaptiveTarget is set, but no augmentation is on (augment.translation, .color, .cutout)";
        if (p.Augment.AdaptiveTarget > 0 && p.Loss is (LossKind.Wasserstein or LossKind.Relativistic))
            yield return "augment.adaptiveTarget follows the sign of the discriminator's scores, which means nothing under loss wasserstein and relativistic";
        if (p.Schedule.Kind != ScheduleKind.Constant && p.Schedule.DecaySteps <= p.Schedule.Warmup)
            yield return $"schedule.decaySteps is {p.Schedule.DecaySteps}, and must be above schedule.warmup {p.Schedule.Warmup} for a rate that decays";
        if (p.Schedule.Kind == ScheduleKind.Constant && p.Schedule.DecaySteps > 0)
            yield return "schedule.decaySteps has no effect with schedule.kind constant";
    }
}
