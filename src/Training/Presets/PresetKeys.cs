namespace Ganymede.Training;

/// <summary>Every key of a preset, in canonical order: how it is spelled, what it may be, where it lives in the record.</summary>
public static class PresetKeys
{
    private static readonly (string, NormKind)[] Norms = [("none", NormKind.None), ("batch", NormKind.Batch), ("virtual-batch", NormKind.VirtualBatch), ("layer", NormKind.Layer)];

    private static readonly (string, InitialWeights)[] Weights = [("he", InitialWeights.He), ("dcgan", InitialWeights.Dcgan), ("glorot", InitialWeights.Glorot)];

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
            [("upsample", GeneratorArchitecture.Upsample), ("article", GeneratorArchitecture.Article),
                ("dcgan", GeneratorArchitecture.Dcgan), ("residual", GeneratorArchitecture.Residual)],
            p => p.Generator.Architecture, (p, v) => p with { Generator = p.Generator with { Architecture = v } }),
        new IntegerKey("generator.width", 8, 2_048,
            p => p.Generator.Width, (p, v) => p with { Generator = p.Generator with { Width = v } }),
        new IntegerKey("generator.noise", 1, 4_096,
            p => p.Generator.Noise, (p, v) => p with { Generator = p.Generator with { Noise = v } }),
        new ChoiceKey<NormKind>("generator.norm", [.. Norms, ("conditional-batch", NormKind.ConditionalBatch)],
            p => p.Generator.Norm, (p, v) => p with { Generator = p.Generator with { Norm = v } }),
        new ChoiceKey<InitialWeights>("generator.initialization", Weights,
            p => p.Generator.Initialization, (p, v) => p with { Generator = p.Generator with { Initialization = v } }) { Optional = true },

        new ChoiceKey<DiscriminatorArchitecture>("discriminator.architecture",
            [("projection", DiscriminatorArchitecture.Projection), ("article", DiscriminatorArchitecture.Article),
                ("dcgan", DiscriminatorArchitecture.Dcgan), ("residual", DiscriminatorArchitecture.Residual)],
            p => p.Discriminator.Architecture, (p, v) => p with { Discriminator = p.Discriminator with { Architecture = v } }),
        new IntegerKey("discriminator.width", 8, 4_096,
            p => p.Discriminator.Width, (p, v) => p with { Discriminator = p.Discriminator with { Width = v } }),
        new ChoiceKey<NormKind>("discriminator.norm", Norms,
            p => p.Discriminator.Norm, (p, v) => p with { Discriminator = p.Discriminator with { Norm = v } }),
        new BooleanKey("discriminator.spectralNorm", p => p.Discriminator.SpectralNorm,
            (p, v) => p with { Discriminator = p.Discriminator with { SpectralNorm = v } }) { Optional = true },

        new ChoiceKey<Conditioning>("discriminator.conditioning",
            [("projection", Conditioning.Projection), ("concatenation", Conditioning.Concatenation),
                ("auxiliary", Conditioning.Auxiliary), ("semi-supervised", Conditioning.SemiSupervised)],
            p => p.Discriminator.Conditioning, (p, v) => p with { Discriminator = p.Discriminator with { Conditioning = v } }) { Optional = true },
        new IntegerKey("discriminator.minibatchKernels", 0, 1_000, p => p.Discriminator.MinibatchKernels,
            (p, v) => p with { Discriminator = p.Discriminator with { MinibatchKernels = v } }) { Optional = true },
        new ChoiceKey<InitialWeights>("discriminator.initialization", Weights,
            p => p.Discriminator.Initialization, (p, v) => p with { Discriminator = p.Discriminator with { Initialization = v } }) { Optional = true },

        new ChoiceKey<LossKind>("loss",
            [("hinge", LossKind.Hinge), ("non-saturating", LossKind.NonSaturating), ("minimax", LossKind.Minimax),
                ("least-squares", LossKind.LeastSquares), ("wasserstein", LossKind.Wasserstein), ("relativistic", LossKind.Relativistic)],
            p => p.Loss, (p, v) => p with { Loss = v }),
        new IntegerKey("criticSteps", 1, 100, p => p.CriticSteps, (p, v) => p with { CriticSteps = v }) { Optional = true },

        new NumberKey("technique.labelSmoothing", "0 up to but without 0.5", v => v is >= 0 and < 0.5,
            p => p.Technique.LabelSmoothing, (p, v) => p with { Technique = p.Technique with { LabelSmoothing = v } }) { Optional = true },
        Weight("technique.featureMatching", p => p.Technique.FeatureMatching, (p, v) => p with { Technique = p.Technique with { FeatureMatching = v } }),
        Weight("technique.historicalAveraging", p => p.Technique.HistoricalAveraging, (p, v) => p with { Technique = p.Technique with { HistoricalAveraging = v } }),
        Weight("technique.classWeight", p => p.Technique.ClassWeight, (p, v) => p with { Technique = p.Technique with { ClassWeight = v } }),
        new IntegerKey("technique.referenceBatch", 2, 1_024,
            p => p.Technique.ReferenceBatch, (p, v) => p with { Technique = p.Technique with { ReferenceBatch = v } }) { Optional = true },

        Weight("regularizer.gradientPenalty", p => p.Regularizer.GradientPenalty, (p, v) => p with { Regularizer = p.Regularizer with { GradientPenalty = v } }),
        Weight("regularizer.r1", p => p.Regularizer.R1, (p, v) => p with { Regularizer = p.Regularizer with { R1 = v } }),
        Weight("regularizer.r2", p => p.Regularizer.R2, (p, v) => p with { Regularizer = p.Regularizer with { R2 = v } }),
        Weight("regularizer.dragan", p => p.Regularizer.Dragan, (p, v) => p with { Regularizer = p.Regularizer with { Dragan = v } }),
        new IntegerKey("regularizer.every", 1, 1_000, p => p.Regularizer.Every, (p, v) => p with { Regularizer = p.Regularizer with { Every = v } }) { Optional = true },
        Weight("regularizer.clip", p => p.Regularizer.Clip, (p, v) => p with { Regularizer = p.Regularizer with { Clip = v } }),

        new NumberKey("augment.translation", "0 to 0.5", v => v is >= 0 and <= 0.5,
            p => p.Augment.Translation, (p, v) => p with { Augment = p.Augment with { Translation = v } }) { Optional = true },
        new NumberKey("augment.color", "0 to 1", v => v is >= 0 and <= 1,
            p => p.Augment.Color, (p, v) => p with { Augment = p.Augment with { Color = v } }) { Optional = true },
        new NumberKey("augment.cutout", "0 to 1", v => v is >= 0 and <= 1,
            p => p.Augment.Cutout, (p, v) => p with { Augment = p.Augment with { Cutout = v } }) { Optional = true },
        Fraction("augment.adaptiveTarget", p => p.Augment.AdaptiveTarget, (p, v) => p with { Augment = p.Augment with { AdaptiveTarget = v } }),
        new IntegerKey("augment.adaptiveImages", 1, 1_000_000_000, p => p.Augment.AdaptiveImages,
            (p, v) => p with { Augment = p.Augment with { AdaptiveImages = v } }) { Optional = true },
        Fraction("ema", p => p.Ema, (p, v) => p with { Ema = v }),

        .. Optimizer("generatorOptimizer", p => p.GeneratorOptimizer, (p, v) => p with { GeneratorOptimizer = v }),
        .. Optimizer("discriminatorOptimizer", p => p.DiscriminatorOptimizer, (p, v) => p with { DiscriminatorOptimizer = v }),

        new ChoiceKey<ScheduleKind>("schedule.kind", [("constant", ScheduleKind.Constant), ("linear", ScheduleKind.Linear), ("cosine", ScheduleKind.Cosine)],
            p => p.Schedule.Kind, (p, v) => p with { Schedule = p.Schedule with { Kind = v } }) { Optional = true },
        new IntegerKey("schedule.warmup", 0, 1_000_000_000, p => p.Schedule.Warmup, (p, v) => p with { Schedule = p.Schedule with { Warmup = v } }) { Optional = true },
        new IntegerKey("schedule.decaySteps", 0, 1_000_000_000,
            p => p.Schedule.DecaySteps, (p, v) => p with { Schedule = p.Schedule with { DecaySteps = v } }) { Optional = true },

        Controls("window", 0, 100_000, c => c.Window, (c, v) => c with { Window = v }),
        Controls("every", 1, 1_000, c => c.Every, (c, v) => c with { Every = v }),
        Controls("warmup", 0, 1_000_000_000, c => c.Warmup, (c, v) => c with { Warmup = v }),
        Controls("patience", 1, 1_000, c => c.Patience, (c, v) => c with { Patience = v }),
        Controls("coolDown", 0, 1_000, c => c.CoolDown, (c, v) => c with { CoolDown = v }),
        Controls("hysteresis", "1 to 10", v => v is >= 1 and <= 10, c => c.Hysteresis, (c, v) => c with { Hysteresis = v }),
        Controls("signRate", "0 up to but without 1", v => v is >= 0 and < 1, c => c.SignRate, (c, v) => c with { SignRate = v }),
        Controls("diversity", "0 up to but without 1", v => v is >= 0 and < 1, c => c.Diversity, (c, v) => c with { Diversity = v }),
        Controls("classes", "0 up to but without 1", v => v is >= 0 and < 1, c => c.Classes, (c, v) => c with { Classes = v }),
        Controls("gradientGrowth", "0, or 2 to 1000000", v => v is 0 or (>= 2 and <= 1_000_000), c => c.GradientGrowth, (c, v) => c with { GradientGrowth = v }),
        Controls("nonFinite", 0, 2, c => c.NonFinite, (c, v) => c with { NonFinite = v }),
        Controls("augment", "0 to 0.25", v => v is >= 0 and <= 0.25, c => c.Augment, (c, v) => c with { Augment = v }),
        Controls("r1", "0 to 100", v => v is >= 0 and <= 100, c => c.R1, (c, v) => c with { R1 = v }),
        Controls("rateFactor", "0.01 to 0.9", v => v is >= 0.01 and <= 0.9, c => c.RateFactor, (c, v) => c with { RateFactor = v }),
        Controls("rollBacks", 0, 100, c => c.RollBacks, (c, v) => c with { RollBacks = v }),
    ];

    private static IntegerKey Controls(string name, int least, int most, Func<ControllerSettings, int> get, Func<ControllerSettings, int, ControllerSettings> set) =>
        new($"controller.{name}", least, most, p => get(p.Controller), (p, v) => p with { Controller = set(p.Controller, v) }) { Optional = true };

    private static NumberKey Controls(
        string name, string allowed, Func<double, bool> inRange, Func<ControllerSettings, double> get, Func<ControllerSettings, double, ControllerSettings> set) =>
        new($"controller.{name}", allowed, inRange, p => get(p.Controller), (p, v) => p with { Controller = set(p.Controller, v) }) { Optional = true };

    private static NumberKey Weight(string name, Func<Preset, double> get, Func<Preset, double, Preset> set) =>
        new(name, "0 to 1000", v => v is >= 0 and <= 1_000, get, set) { Optional = true };

    private static NumberKey Fraction(string name, Func<Preset, double> get, Func<Preset, double, Preset> set) =>
        new(name, "0 up to but without 1", v => v is >= 0 and < 1, get, set) { Optional = true };

    private static IEnumerable<PresetKey> Optimizer(
        string name, Func<Preset, OptimizerSettings> get, Func<Preset, OptimizerSettings, Preset> set) =>
    [
        new ChoiceKey<OptimizerKind>($"{name}.kind", [("adam", OptimizerKind.Adam), ("sgd", OptimizerKind.Sgd), ("rmsprop", OptimizerKind.RmsProp)],
            p => get(p).Kind, (p, v) => set(p, get(p) with { Kind = v })),
        new NumberKey($"{name}.learningRate", "above 0, up to 10", v => v is > 0 and <= 10,
            p => get(p).LearningRate, (p, v) => set(p, get(p) with { LearningRate = v })),
        Fraction($"{name}.beta1", p => get(p).Beta1, (p, v) => set(p, get(p) with { Beta1 = v })),
        Fraction($"{name}.beta2", p => get(p).Beta2, (p, v) => set(p, get(p) with { Beta2 = v })),
        Fraction($"{name}.momentum", p => get(p).Momentum, (p, v) => set(p, get(p) with { Momentum = v })),
        Fraction($"{name}.alpha", p => get(p).Alpha, (p, v) => set(p, get(p) with { Alpha = v })),
    ];
}
