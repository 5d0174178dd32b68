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

    /// <summary>Whether both networks are told the image's class.</summary>
    public bool Conditional { get; init; }

    public GeneratorSettings Generator { get; init; } = new();
    public DiscriminatorSettings Discriminator { get; init; } = new();
    public LossKind Loss { get; init; }
    public AugmentSettings Augment { get; init; } = new();

    /// <summary>
    /// Decay a step of the exponential moving average of the generator's weights, in [0, 1); 0 means the average is the
    /// generator itself. Warm-up: step t (from 0) uses min(ema, (1 + t) / (10 + t)), so early weights are soon forgotten.
    /// </summary>
    public double Ema { get; init; }

    public OptimizerSettings GeneratorOptimizer { get; init; } = new();
    public OptimizerSettings DiscriminatorOptimizer { get; init; } = new();

    public int SamplesPerShard => Batch / Shards;

    /// <summary>Whether some layer's output depends on the other images of its shard.</summary>
    public bool UsesBatchNorm => Generator.Norm != NormKind.None || Discriminator.Norm != NormKind.None;

    /// <summary>Names of the embedded presets, in alphabetical order.</summary>
    public static IReadOnlyList<string> Names => PresetReader.Names;

    /// <param name="nameOrPath">An embedded preset's name, or the path of a .json file (whatever has a slash or ends with .json).</param>
    /// <param name="overrides">Settings such as <c>batch=128</c> or <c>generator.norm=none</c>; the last one of a key counts.</param>
    /// <exception cref="PresetException">Unknown preset or key, wrong type or range, or settings that do not fit together.</exception>
    public static Preset Load(string nameOrPath, IEnumerable<string> overrides) => PresetReader.Load(nameOrPath, overrides);

    /// <summary>Reads a whole preset from JSON; // comments and trailing commas are allowed.</summary>
    /// <exception cref="PresetException">As for <see cref="Load"/>.</exception>
    public static Preset FromJson(string json) => PresetReader.FromJson(json, "preset");

    /// <summary>Canonical JSON: every key, in one order, with one spelling of a value. Equal presets give equal text.</summary>
    public string ToJson() => PresetWriter.ToJson(this);
}

/// <param name="Width">Channels of the first feature map, at 4x4 pixels; halved with every doubling of the size.</param>
/// <param name="Noise">Length of the noise vector, drawn from N(0, 1).</param>
public sealed record GeneratorSettings(
    GeneratorArchitecture Architecture = default, int Width = 0, int Noise = 0, NormKind Norm = default);

/// <param name="Width">
/// <see cref="DiscriminatorArchitecture.Projection"/>: channels of the first convolution, doubled with every halving of the size.
/// <see cref="DiscriminatorArchitecture.Article"/>: units of the first layer, halved in each of the five after it.
/// </param>
/// <param name="SpectralNorm">Divide each weight by its largest singular value (Miyato et al. 2018).</param>
public sealed record DiscriminatorSettings(
    DiscriminatorArchitecture Architecture = default, int Width = 0, NormKind Norm = default, bool SpectralNorm = false);

/// <param name="Translation">Largest shift of DiffAugment (Zhao et al. 2020), as a part of the size, in [0, 0.5]; 0 is off.</param>
public sealed record AugmentSettings(double Translation = 0);

/// <param name="Beta1">Adam only: decay of the first moment, in [0, 1).</param>
/// <param name="Beta2">Adam only: decay of the second moment, in [0, 1).</param>
/// <param name="Momentum">SGD only: in [0, 1).</param>
public sealed record OptimizerSettings(
    OptimizerKind Kind = default, double LearningRate = 0, double Beta1 = 0.9, double Beta2 = 0.999, double Momentum = 0);

/// <summary>Type of parameters, gradients and arithmetic.</summary>
[SuppressMessage("Naming", "CA1720", Justification = "These are the field's names for the types, and how presets spell them.")]
public enum Precision { Float32, Float64 }

public enum GeneratorArchitecture
{
    /// <summary>Dense to 4x4, then (nearest upsampling, 3x3 convolution, norm, ReLU) up to half the size, once more without norm to the image, tanh.</summary>
    Upsample,

    /// <summary>Dense to 4x4, then stride-2 transposed 4x4 convolutions with leaky ReLU (slope 0.3) to 64x64, tanh.</summary>
    Article,
}

public enum DiscriminatorArchitecture
{
    /// <summary>Stride-2 4x4 convolutions with leaky ReLU (slope 0.2), sum pooling, class projection (Miyato and Koyama 2018).</summary>
    Projection,

    /// <summary>Flatten, six dense layers with leaky ReLU (slope 0.3), dense to one logit.</summary>
    Article,
}

public enum NormKind
{
    None,

    /// <summary>Batch norm over the images of one shard (ghost batch norm).</summary>
    Batch,

    /// <summary>The same with scale and shift by class; generator only.</summary>
    ConditionalBatch,
}

public enum LossKind
{
    /// <summary>L_D = E max(0, 1 - D(x)) + E max(0, 1 + D(G(z))); L_G = -E D(G(z)).</summary>
    Hinge,

    /// <summary>L_D = -E log s(D(x)) - E log(1 - s(D(G(z)))); L_G = -E log s(D(G(z))), s the logistic function (Goodfellow et al. 2014).</summary>
    NonSaturating,
}

public enum OptimizerKind { Adam, Sgd }

/// <summary>A preset that cannot be used: bad input by the user. The message is one line and names the key, value or file.</summary>
public sealed class PresetException(string message) : Exception(message);
