namespace Ganymede.Datasets;

/// <summary>
/// What a stream of <see cref="CounterRandom"/> is for. Streams of different purposes never overlap, so one part can
/// draw more numbers without moving another's. The values are part of every result: never renumber, only append.
/// All are below <see cref="CounterRandom.PurposeLimit"/>.
/// </summary>
public static class RandomPurpose
{
    /// <summary>Order of the real samples; step is the epoch.</summary>
    public const uint RealOrder = 1;

    /// <summary>Generator input of a step.</summary>
    public const uint Noise = 2;

    /// <summary>Labels asked of the generator in a step.</summary>
    public const uint Labels = 3;

    /// <summary>Augmentation of real and generated images while the discriminator is trained.</summary>
    public const uint DiscriminatorAugment = 4;

    // 5 and 6 were the generator's own input and labels, before both phases shared theirs.

    /// <summary>Augmentation of generated images while the generator is trained.</summary>
    public const uint GeneratorAugment = 7;

    /// <summary>First values of the parameters; step is the parameter's position.</summary>
    public const uint Initialization = 8;

    /// <summary>Noise of the grid of samples shown during training; step is the image's position.</summary>
    public const uint Grid = 9;

    /// <summary>Noise of a generated image; step is the image's index in its job.</summary>
    public const uint Generation = 10;

    /// <summary>Label of a generated image; step is the image's index in its job.</summary>
    public const uint GenerationLabels = 11;

    /// <summary>First spectral-norm vectors; step is the layer's position.</summary>
    public const uint SpectralVectors = 12;

    /// <summary>Splits of a set into parts, for example training and validation.</summary>
    public const uint Split = 13;

    /// <summary>Classic augmentation (crop, flip, rotate, mix).</summary>
    public const uint ClassicAugment = 14;

    /// <summary>Resampling in an evaluation.</summary>
    public const uint Evaluation = 15;

    // 16 to 19 are free.

    /// <summary>Where a gradient penalty is taken between real and generated images; step is D's update.</summary>
    public const uint Interpolation = 20;

    /// <summary>Where a gradient penalty is taken around real images; step is D's update.</summary>
    public const uint Perturbation = 21;

    /// <summary>The fixed batch of virtual batch norm.</summary>
    public const uint ReferenceBatch = 22;

    /// <summary>Colours' augmentation while the discriminator is trained, and while the generator is.</summary>
    public const uint DiscriminatorColor = 23, GeneratorColor = 24;

    /// <summary>Holes' places while the discriminator is trained, and while the generator is.</summary>
    public const uint DiscriminatorCutout = 25, GeneratorCutout = 26;

    /// <summary>Which images are augmented at all while the discriminator is trained, and while the generator is.</summary>
    public const uint DiscriminatorGate = 27, GeneratorGate = 28;

    /// <summary>Values that a search tries; step is the trial, shard the dial.</summary>
    public const uint Search = 29;
}
