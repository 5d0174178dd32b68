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
    /// <param name="seed">Decides the weights.</param>
    public static GeneratorNetwork CreateGenerator(Preset preset, int classCount, ulong seed)
    {
        var precision = ScalarTypeOf(preset.Precision);
        int? classes = preset.Conditional ? classCount : null;
        var (architecture, width, noise, norm) = preset.Generator;
        GeneratorNetwork generator = architecture switch
        {
            GeneratorArchitecture.Upsample =>
                new UpsampleGenerator(preset.Size, preset.Channels, width, noise, norm, classes, precision),
            GeneratorArchitecture.Article => new ArticleGenerator(preset.Size, preset.Channels, width, noise, norm, precision),
            _ => throw new ArgumentOutOfRangeException(nameof(preset), architecture, null),
        };
        var weights = architecture == GeneratorArchitecture.Article ? InitialWeights.Dcgan : InitialWeights.He;
        Initialization.Apply(generator, weights, seed, Initialization.Generator);
        return generator;
    }

    /// <inheritdoc cref="CreateGenerator"/>
    public static DiscriminatorNetwork CreateDiscriminator(Preset preset, int classCount, ulong seed)
    {
        var precision = ScalarTypeOf(preset.Precision);
        int? classes = preset.Conditional ? classCount : null;
        var (architecture, width, norm, spectralNorm) = preset.Discriminator;
        DiscriminatorNetwork discriminator = architecture switch
        {
            DiscriminatorArchitecture.Projection =>
                new ProjectionDiscriminator(preset.Size, preset.Channels, width, norm, spectralNorm, classes, precision),
            DiscriminatorArchitecture.Article =>
                new ArticleDiscriminator(preset.Size, preset.Channels, width, norm, spectralNorm, precision),
            _ => throw new ArgumentOutOfRangeException(nameof(preset), architecture, null),
        };
        var weights = architecture == DiscriminatorArchitecture.Article ? InitialWeights.Dcgan : InitialWeights.He;
        Initialization.Apply(discriminator, weights, seed, Initialization.Discriminator);
        return discriminator;
    }
}
