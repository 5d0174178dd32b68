using static TorchSharp.torch;

namespace Ganymede.Training;

/// <summary>Networks as a preset describes them, with their first weights.</summary>
public static class NetworkFactory
{
    /// <summary>Element type of all tensors of a preset.</summary>
    public static ScalarType ScalarTypeOf(Precision precision) => precision switch
    {
        Precision.Float32 => ScalarType.Float32,
        Precision.Float64 => ScalarType.Float64,
        _ => throw new ArgumentOutOfRangeException(nameof(precision), precision, null),
    };

    /// <param name="preset">Decides everything but the weights.</param>
    /// <param name="classCount">Y; read only when the preset is conditional.</param>
    /// <param name="seed">Decides the weights, and the noise of the reference batch.</param>
    public static GeneratorNetwork CreateGenerator(Preset preset, int classCount, ulong seed)
    {
        var generator = BareGenerator(preset, classCount);
        Initialization.Apply(generator, preset.Generator.Initialization, seed, Initialization.Generator);
        generator.Reference?.Draw(seed, preset.Conditional ? classCount : 1);
        return generator;
    }

    /// <inheritdoc cref="CreateGenerator"/>
    /// <remarks>The images of the reference batch are the caller's to set: <see cref="ShardPlan.Reference"/>.</remarks>
    public static DiscriminatorNetwork CreateDiscriminator(Preset preset, int classCount, ulong seed)
    {
        var discriminator = BareDiscriminator(preset, classCount);
        Initialization.Apply(discriminator, preset.Discriminator.Initialization, seed, Initialization.Discriminator);
        return discriminator;
    }

    /// <summary>A generator whose weights are 0.</summary>
    internal static GeneratorNetwork BareGenerator(Preset preset, int classCount)
    {
        var precision = ScalarTypeOf(preset.Precision);
        int? classes = preset.Conditional ? classCount : null;
        var (size, channels, rows) = (preset.Size, preset.Channels, preset.Technique.ReferenceBatch);
        var (architecture, width, noise, norm, _) = preset.Generator;
        GeneratorNetwork generator = architecture switch
        {
            GeneratorArchitecture.Upsample => new UpsampleGenerator(size, channels, width, noise, norm, classes, precision, rows),
            GeneratorArchitecture.Article => new TransposedGenerator(size, channels, width, noise, norm, classes, precision, rows, isArticles: true),
            GeneratorArchitecture.Dcgan => new TransposedGenerator(size, channels, width, noise, norm, classes, precision, rows),
            GeneratorArchitecture.Residual => new ResidualGenerator(size, channels, width, noise, norm, classes, precision, rows),
            _ => throw new ArgumentOutOfRangeException(nameof(preset), architecture, null),
        };
        if (norm == NormKind.VirtualBatch)
            generator.Reference = new ReferenceBatch([rows, noise], precision);
        return generator;
    }

    /// <summary>A discriminator whose weights are 0.</summary>
    internal static DiscriminatorNetwork BareDiscriminator(Preset preset, int classCount)
    {
        var precision = ScalarTypeOf(preset.Precision);
        var (size, channels, rows) = (preset.Size, preset.Channels, preset.Technique.ReferenceBatch);
        var (architecture, width, norm, spectralNorm, conditioning, kernels, _) = preset.Discriminator;
        var head = new HeadSettings(preset.DiscriminatorKnowsClasses ? classCount : null, conditioning, spectralNorm, kernels);
        DiscriminatorNetwork discriminator = architecture switch
        {
            DiscriminatorArchitecture.Projection => new StridedDiscriminator(size, channels, width, norm, head, precision, rows),
            DiscriminatorArchitecture.Article => new ArticleDiscriminator(size, channels, width, norm, head, precision, rows),
            DiscriminatorArchitecture.Dcgan => new StridedDiscriminator(size, channels, width, norm, head, precision, rows, sums: false),
            DiscriminatorArchitecture.Residual => new ResidualDiscriminator(size, channels, width, norm, head, precision, rows),
            _ => throw new ArgumentOutOfRangeException(nameof(preset), architecture, null),
        };
        if (norm == NormKind.VirtualBatch)
            discriminator.Reference = new ReferenceBatch([rows, channels, size, size], precision);
        return discriminator;
    }
}
