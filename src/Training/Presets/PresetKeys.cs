namespace Ganymede.Training;

/// <summary>Every key of a preset, in canonical order: how it is spelled, what it may be, where it lives in the record.</summary>
public static class PresetKeys
{
    private static readonly (string, NormKind)[] Norms = [("none", NormKind.None), ("batch", NormKind.Batch)];

    public static IReadOnlyList<PresetKey> All { get; } =
    [
        new TextKey("name", p => p.Name, (p, v) => p with { Name = v }),
        new IntegerKey("size", 16, 128, p => p.Size, (p, v) => p with { Size = v }),
        new IntegerKey("channels", 1, 3, p => p.Channels, (p, v) => p with { Channels = v }),
        new IntegerKey("batch", 1, 65_536, p => p.Batch, (p, v) => p with { Batch = v }),
        new IntegerKey("shards", 1, 1_024, p => p.Shards, (p, v) => p with { Shards = v }),
        new IntegerKey("steps", 1, 1_000_000_000, p => p.Steps, (p, v) => p with { Steps = v }),
        new ChoiceKey<Precision>("precision", [("float32", Precision.Float32), ("float64", Precision.Float64)],
            p => p.Precision, (p, v) => p with { Precision = v }) { Optional = true },
        new BooleanKey("conditional", p => p.Conditional, (p, v) => p with { Conditional = v }),

        new ChoiceKey<GeneratorArchitecture>("generator.architecture",
            [("upsample", GeneratorArchitecture.Upsample), ("article", GeneratorArchitecture.Article)],
            p => p.Generator.Architecture, (p, v) => p with { Generator = p.Generator with { Architecture = v } }),
        new IntegerKey("generator.width", 8, 2_048,
            p => p.Generator.Width, (p, v) => p with { Generator = p.Generator with { Width = v } }),
        new IntegerKey("generator.noise", 1, 4_096,
            p => p.Generator.Noise, (p, v) => p with { Generator = p.Generator with { Noise = v } }),
        new ChoiceKey<NormKind>("generator.norm", [.. Norms, ("conditional-batch", NormKind.ConditionalBatch)],
            p => p.Generator.Norm, (p, v) => p with { Generator = p.Generator with { Norm = v } }),

        new ChoiceKey<DiscriminatorArchitecture>("discriminator.architecture",
            [("projection", DiscriminatorArchitecture.Projection), ("article", DiscriminatorArchitecture.Article)],
            p => p.Discriminator.Architecture, (p, v) => p with { Discriminator = p.Discriminator with { Architecture = v } }),
        new IntegerKey("discriminator.width", 8, 4_096,
            p => p.Discriminator.Width, (p, v) => p with { Discriminator = p.Discriminator with { Width = v } }),
        new ChoiceKey<NormKind>("discriminator.norm", Norms,
            p => p.Discriminator.Norm, (p, v) => p with { Discriminator = p.Discriminator with { Norm = v } }),
        new BooleanKey("discriminator.spectralNorm", p => p.Discriminator.SpectralNorm,
            (p, v) => p with { Discriminator = p.Discriminator with { SpectralNorm = v } }) { Optional = true },

        new ChoiceKey<LossKind>("loss", [("hinge", LossKind.Hinge), ("non-saturating", LossKind.NonSaturating)],
            p => p.Loss, (p, v) => p with { Loss = v }),
        new NumberKey("augment.translation", "0 to 0.5", v => v is >= 0 and <= 0.5,
            p => p.Augment.Translation, (p, v) => p with { Augment = p.Augment with { Translation = v } }) { Optional = true },
        Fraction("ema", p => p.Ema, (p, v) => p with { Ema = v }),

        .. Optimizer("generatorOptimizer", p => p.GeneratorOptimizer, (p, v) => p with { GeneratorOptimizer = v }),
        .. Optimizer("discriminatorOptimizer", p => p.DiscriminatorOptimizer, (p, v) => p with { DiscriminatorOptimizer = v }),
    ];

    private static NumberKey Fraction(string name, Func<Preset, double> get, Func<Preset, double, Preset> set) =>
        new(name, "0 up to but without 1", v => v is >= 0 and < 1, get, set) { Optional = true };

    private static IEnumerable<PresetKey> Optimizer(
        string name, Func<Preset, OptimizerSettings> get, Func<Preset, OptimizerSettings, Preset> set) =>
    [
        new ChoiceKey<OptimizerKind>($"{name}.kind", [("adam", OptimizerKind.Adam), ("sgd", OptimizerKind.Sgd)],
            p => get(p).Kind, (p, v) => set(p, get(p) with { Kind = v })),
        new NumberKey($"{name}.learningRate", "above 0, up to 10", v => v is > 0 and <= 10,
            p => get(p).LearningRate, (p, v) => set(p, get(p) with { LearningRate = v })),
        Fraction($"{name}.beta1", p => get(p).Beta1, (p, v) => set(p, get(p) with { Beta1 = v })),
        Fraction($"{name}.beta2", p => get(p).Beta2, (p, v) => set(p, get(p) with { Beta2 = v })),
        Fraction($"{name}.momentum", p => get(p).Momentum, (p, v) => set(p, get(p) with { Momentum = v })),
    ];
}
