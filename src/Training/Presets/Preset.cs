using System.Diagnostics.CodeAnalysis;

namespace Ganymede.Training;

/// <summary>
/// All that decides a run's numbers besides data and seed: networks, loss, optimizers, sizes. Comes from a file
/// (<c>cgan-32</c>, <c>article-64</c>, … are embedded) plus <c>key=value</c> overrides, and is checked as a whole:
/// every instance that <see cref="Load"/> or <see cref="FromJson"/> returns is valid. The keys are in <see cref="PresetKeys"/>.
/// </summary>
public sealed record Preset
{
    public string Name { get; init; } = "";

    /// <summary>Height and width of the square images, in pixels: 16, 32, 64 or 128.</summary>
    public int Size { get; init; }

    /// <summary>1 (grey) or 3 (RGB).</summary>
    public int Channels { get; init; }

    /// <summary>Images in a global mini-batch, over all shards: a multiple of <see cref="Shards"/>.</summary>
    public int Batch { get; init; }

    /// <summary>V, the number of virtual shards of a mini-batch: a power of two, fixed for the whole run.</summary>
    public int Shards { get; init; }

    /// <summary>Updates of both networks in a whole run.</summary>
    public int Steps { get; init; }

    public Precision Precision { get; init; }

    /// <summary>Whether the generator is told the image's class; what the discriminator has to do with it says <see cref="DiscriminatorSettings.Conditioning"/>.</summary>
    public bool Conditional { get; init; }

    public GeneratorSettings Generator { get; init; } = new();
    public DiscriminatorSettings Discriminator { get; init; } = new();
    public LossKind Loss { get; init; }

    /// <summary>D's updates a step (the paper's n_critic), each on a mini-batch of its own; G's one update follows. 1 to 100.</summary>
    public int CriticSteps { get; init; } = 1;

    public TechniqueSettings Technique { get; init; } = new();
    public RegularizerSettings Regularizer { get; init; } = new();
    public AugmentSettings Augment { get; init; } = new();

    /// <summary>
    /// Decay a step of the exponential moving average of the generator's weights, in [0, 1); 0 means the average is the
    /// generator itself. Warm-up: step t (from 0) uses min(ema, (1 + t) / (10 + t)), so early weights are soon forgotten.
    /// </summary>
    public double Ema { get; init; }

    public OptimizerSettings GeneratorOptimizer { get; init; } = new();
    public OptimizerSettings DiscriminatorOptimizer { get; init; } = new();
    public ScheduleSettings Schedule { get; init; } = new();
    public ControllerSettings Controller { get; init; } = new();

    public int SamplesPerShard => Batch / Shards;

    /// <summary>The phases of a step, in their order.</summary>
    public IReadOnlyList<Phase> Phases => [.. Enumerable.Repeat(Phase.Discriminator, CriticSteps), Phase.Generator];

    /// <summary>Real images a step: a mini-batch for each of D's updates.</summary>
    public long SamplesPerStep => (long)Batch * CriticSteps;

    /// <summary>Whether some norm is over the images of a shard, of which it needs two at least.</summary>
    public bool UsesBatchNorm => IsBatch(Generator.Norm) || IsBatch(Discriminator.Norm);

    /// <summary>Whether the loss is one of pairs of a real and a generated image: an <see cref="IPairedLoss"/>.</summary>
    public bool IsPaired => Loss == LossKind.Relativistic;

    /// <summary>Whether G's loss depends on what D says of real images.</summary>
    public bool GeneratorNeedsReal => IsPaired || Technique.FeatureMatching > 0;

    /// <summary>Whether D reads or guesses classes.</summary>
    public bool DiscriminatorKnowsClasses => Conditional || Discriminator.Conditioning == Conditioning.SemiSupervised;

    /// <summary>Names of the embedded presets, in alphabetical order.</summary>
    public static IReadOnlyList<string> Names => PresetReader.Names;

    /// <param name="nameOrPath">An embedded preset's name, or the path of a .json file (whatever has a slash or ends with .json).</param>
    /// <param name="overrides">Settings such as <c>batch=128</c> or <c>generator.norm=none</c>; the last one of a key counts.</param>
    /// <exception cref="PresetException">Unknown preset or key, wrong type or range, or settings that do not fit together.</exception>
    public static Preset Load(string nameOrPath, IEnumerable<string> overrides) => PresetReader.Load(nameOrPath, overrides);

    /// <summary>Reads a whole preset from JSON; // comments and trailing commas are allowed.</summary>
    /// <exception cref="PresetException">As for <see cref="Load"/>.</exception>
    public static Preset FromJson(string json) => PresetReader.FromJson(json, "preset");

    private static bool IsBatch(NormKind norm) => norm is NormKind.Batch or NormKind.ConditionalBatch;

    /// <summary>Canonical JSON: every key, in one order, with one spelling of a value. Equal presets give equal text.</summary>
    public string ToJson() => PresetWriter.ToJson(this);
}

/// <param name="Width">Channels of the first feature map, at 4x4 pixels; the dial by which the whole network grows.</param>
/// <param name="Noise">Length of the noise vector, drawn from N(0, 1).</param>
public sealed record GeneratorSettings(
    GeneratorArchitecture Architecture = default, int Width = 0, int Noise = 0, NormKind Norm = default,
    InitialWeights Initialization = InitialWeights.He);

/// <param name="Width">
/// Channels of the first convolution, the dial by which the whole network grows;
/// <see cref="DiscriminatorArchitecture.Article"/>: units of the first layer, halved in each of the five after it.
/// </param>
/// <param name="SpectralNorm">Divide each weight by its largest singular value (Miyato et al. 2018).</param>
/// <param name="Conditioning">How the class enters.</param>
/// <param name="MinibatchKernels">B of minibatch discrimination (Salimans et al. 2016, section 3.2); 0 is off.</param>
public sealed record DiscriminatorSettings(
    DiscriminatorArchitecture Architecture = default, int Width = 0, NormKind Norm = default, bool SpectralNorm = false,
    Conditioning Conditioning = Conditioning.Projection, int MinibatchKernels = 0, InitialWeights Initialization = InitialWeights.He);

/// <summary>What may be added to the losses, and virtual batch norm's size.</summary>
/// <param name="LabelSmoothing">One-sided: D's target for real images is 1 - this (Salimans et al. 2016, section 3.4); losses with cross-entropy only.</param>
/// <param name="FeatureMatching">Weight of feature matching, which then is G's loss in place of the adversarial one (section 3.1); 0 is off.</param>
/// <param name="HistoricalAveraging">Weight of |theta - mean of theta so far|^2 in both losses (section 3.3); 0 is off.</param>
/// <param name="ClassWeight">Weight of the cross-entropy of classes, where D guesses them.</param>
/// <param name="ReferenceBatch">Samples of the fixed batch of virtual batch norm (section 3.5).</param>
public sealed record TechniqueSettings(
    double LabelSmoothing = 0, double FeatureMatching = 0, double HistoricalAveraging = 0, double ClassWeight = 1, int ReferenceBatch = 16);

/// <summary>What keeps D smooth. Weights of 0 are off.</summary>
/// <param name="GradientPenalty">lambda of WGAN-GP (Gulrajani et al. 2017).</param>
/// <param name="R1">gamma on real images (Mescheder, Geiger and Nowozin 2018).</param>
/// <param name="R2">gamma on generated images (the same).</param>
/// <param name="Dragan">lambda of DRAGAN (Kodali et al. 2017).</param>
/// <param name="Every">Penalties are computed in each so-manieth of D's updates, times this number (lazy; Karras et al. 2020).</param>
/// <param name="Clip">c: D's parameters are clipped to -c..c after each update (Arjovsky, Chintala and Bottou 2017).</param>
public sealed record RegularizerSettings(
    double GradientPenalty = 0, double R1 = 0, double R2 = 0, double Dragan = 0, int Every = 1, double Clip = 0)
{
    /// <summary>Whether D's gradient with respect to its input is part of its loss.</summary>
    public bool DifferentiatesInputs => GradientPenalty > 0 || R1 > 0 || R2 > 0 || Dragan > 0;
}

/// <summary>Differentiable augmentation of all that D sees.</summary>
/// <param name="Translation">Largest shift of DiffAugment (Zhao et al. 2020), as a part of the size, in [0, 0.5]; 0 is off.</param>
/// <param name="Color">Strength of DiffAugment's brightness, saturation and contrast, in [0, 1]; 0 is off, 1 the paper's.</param>
/// <param name="Cutout">Side of DiffAugment's hole as a part of the size, in [0, 1]; 0 is off, 0.5 the paper's.</param>
/// <param name="AdaptiveTarget">ADA (Karras et al. 2020): the mean sign of D on real images to aim at, 0.6 in the paper; 0 is off: every image is augmented.</param>
/// <param name="AdaptiveImages">Real images in which ADA's probability can go from 0 to 1; 500,000 in the paper.</param>
public sealed record AugmentSettings(
    double Translation = 0, double Color = 0, double Cutout = 0, double AdaptiveTarget = 0, int AdaptiveImages = 500_000);

/// <param name="Beta1">Adam only: decay of the first moment, in [0, 1).</param>
/// <param name="Beta2">Adam only: decay of the second moment, in [0, 1).</param>
/// <param name="Momentum">SGD and RMSProp: in [0, 1).</param>
/// <param name="Alpha">RMSProp only: decay of the squares, in [0, 1).</param>
public sealed record OptimizerSettings(
    OptimizerKind Kind = default, double LearningRate = 0, double Beta1 = 0.9, double Beta2 = 0.999, double Momentum = 0, double Alpha = 0.99);

/// <summary>How both learning rates go with the steps.</summary>
/// <param name="Warmup">Steps in which the rates rise from 0; 0 is off.</param>
/// <param name="DecaySteps">The step from which a decaying rate is at its least, <see cref="LearningRateSchedule.Least"/> of the rate; not read when constant.</param>
public sealed record ScheduleSettings(ScheduleKind Kind = default, int Warmup = 0, int DecaySteps = 0);

/// <summary>Type of parameters, gradients and arithmetic.</summary>
[SuppressMessage("Naming", "CA1720", Justification = "These are the field's names for the types, and how presets spell them.")]
public enum Precision { Float32, Float64 }

public enum GeneratorArchitecture
{
    /// <summary>Dense to 4x4, then (nearest upsampling, 3x3 convolution, norm, ReLU) up to half the size, once more without norm to the image, tanh.</summary>
    Upsample,

    /// <summary>Dense to 4x4, then stride-2 transposed 4x4 convolutions with leaky ReLU (slope 0.3) to 64x64, tanh.</summary>
    Article,

    /// <summary>Dense to 4x4, then stride-2 transposed 4x4 convolutions with ReLU, tanh (Radford et al. 2015).</summary>
    Dcgan,

    /// <summary>Residual blocks that double the size (Miyato et al. 2018, tables 4 and 5).</summary>
    Residual,
}

public enum DiscriminatorArchitecture
{
    /// <summary>Stride-2 4x4 convolutions with leaky ReLU (slope 0.2), sum pooling, class projection (Miyato and Koyama 2018).</summary>
    Projection,

    /// <summary>Flatten, six dense layers with leaky ReLU (slope 0.3), dense to one logit.</summary>
    Article,

    /// <summary>Stride-2 4x4 convolutions with leaky ReLU (slope 0.2), a 4x4 convolution to one logit (Radford et al. 2015).</summary>
    Dcgan,

    /// <summary>Residual blocks that halve the size, sum pooling (Miyato et al. 2018, tables 4 and 5).</summary>
    Residual,
}

public enum NormKind
{
    None,

    /// <summary>Batch norm over the images of one shard (ghost batch norm).</summary>
    Batch,

    /// <summary>The same with scale and shift by class; generator only.</summary>
    ConditionalBatch,

    /// <summary>Each sample by the statistics of a fixed reference batch and itself (Salimans et al. 2016, section 3.5).</summary>
    VirtualBatch,

    /// <summary>Each sample by its own statistics over all features (Ba, Kiros and Hinton 2016); WGAN-GP's advice for critics.</summary>
    Layer,
}

/// <summary>How D is told the class, or tells it. An unconditional preset is told nothing, whichever it is, but semi-supervised D guesses.</summary>
public enum Conditioning
{
    /// <summary>Inner product of features and the class's embedding (Miyato and Koyama 2018).</summary>
    Projection,

    /// <summary>One plane an image for each class, beside the colours (Mirza and Osindero 2014).</summary>
    Concatenation,

    /// <summary>D guesses the class of all images, G is paid for the right guess (Odena, Olah and Shlens 2017: AC-GAN).</summary>
    Auxiliary,

    /// <summary>D is a classifier with one class more, "generated", whose logit is 0 (Salimans et al. 2016, section 5).</summary>
    SemiSupervised,
}

/// <summary>The formulas are in the classes of the same names.</summary>
public enum LossKind
{
    /// <summary>Lim and Ye 2017.</summary>
    Hinge,

    /// <summary>Goodfellow et al. 2014, with the loss for G that they train with.</summary>
    NonSaturating,

    /// <summary>Goodfellow et al. 2014, equation 1.</summary>
    Minimax,

    /// <summary>Mao et al. 2017.</summary>
    LeastSquares,

    /// <summary>Arjovsky, Chintala and Bottou 2017.</summary>
    Wasserstein,

    /// <summary>Jolicoeur-Martineau 2019 in the form of R3GAN (Huang et al. 2024).</summary>
    Relativistic,
}

public enum OptimizerKind { Adam, Sgd, RmsProp }

public enum ScheduleKind { Constant, Linear, Cosine }

/// <summary>A preset that cannot be used: bad input by the user. The message is one line and names the key, value or file.</summary>
public sealed class PresetException(string message) : Exception(message);
