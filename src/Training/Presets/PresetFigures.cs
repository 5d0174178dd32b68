using TorchSharp;
using static TorchSharp.torch;

namespace Ganymede.Training;

/// <summary>What a preset costs, from the networks that it really makes.</summary>
/// <param name="GeneratorParameters">Numbers that G learns.</param>
/// <param name="DiscriminatorParameters">Numbers that D learns.</param>
/// <param name="GflopPerStep">
/// 10^9 additions and multiplications a step in convolutions, dense layers and the dense part of minibatch discrimination, over all shards. A pass forwards
/// counts its products twice; a pass that is differentiated by weights and activations three times a pass forwards, by its input alone twice; a penalty adds
/// three such passes where it is computed, one more if at points of its own.
/// </param>
/// <param name="GradientBytesPerStep">Bytes that a member brings to the all-reduces of a step, batch statistics and trailers included.</param>
public sealed record PresetFigures(long GeneratorParameters, long DiscriminatorParameters, double GflopPerStep, long GradientBytesPerStep)
{
    /// <param name="preset">Valid.</param>
    /// <param name="classes">Y of the data; read where networks are told classes or guess them.</param>
    public static PresetFigures Of(Preset preset, int classes = 10)
    {
        NativeBackend.EnsureLoaded();
        using var scope = NewDisposeScope();
        var generator = NetworkFactory.BareGenerator(preset, classes);
        var discriminator = NetworkFactory.BareDiscriminator(preset, classes);
        foreach (var layer in Initialization.SpectralLayers(discriminator))
        {
            layer.Spectral!.BeginStep(layer.Weight);
        }

        var type = NetworkFactory.ScalarTypeOf(preset.Precision);
        var perDrawing = Each(preset, generator.Reference, rows => generator.forward(zeros(rows, preset.Generator.Noise, dtype: type), zeros(rows, dtype: ScalarType.Int64)));
        var perJudgement = Each(preset, discriminator.Reference, rows => discriminator.forward(
            zeros(rows, preset.Channels, preset.Size, preset.Size, dtype: type), zeros(rows, dtype: ScalarType.Int64)));
        var (generators, discriminators) = (Count(generator), Count(discriminator));
        var (ofGenerator, ofDiscriminator) = Replica.LayoutsOf(preset, generator, discriminator, classes);
        return new(
            generators, discriminators, 2e-9 * preset.Shards * Products(preset, perDrawing, perJudgement),
            (preset.CriticSteps * (long)ofDiscriminator.Elements + ofGenerator.Elements) * (type == ScalarType.Float64 ? sizeof(double) : sizeof(float)));
    }

    /// <summary>Of a step in one shard.</summary>
    private static double Products(Preset preset, double drawing, double judgement)
    {
        var regularizer = preset.Regularizer;
        var penalties = (Is(regularizer.R1) + Is(regularizer.R2)) * 3 + (Is(regularizer.GradientPenalty) + Is(regularizer.Dragan)) * 4;
        var discriminating = drawing + judgement * (6 + (double)penalties / regularizer.Every);
        return preset.CriticSteps * discriminating + 2 * drawing + (2 + (preset.GeneratorNeedsReal ? 1 : 0)) * judgement;

        static int Is(double weight) => weight > 0 ? 1 : 0;
    }

    /// <summary>
    /// Products of a pass over a shard's samples: as many for each, so a small pass tells; with a reference batch, which goes before them but not all
    /// the way, two of different sizes.
    /// </summary>
    private static double Each(Preset preset, ReferenceBatch? reference, Func<long, Tensor> pass)
    {
        var two = Of(2); // batch norm needs two
        return reference is null ? two / 2.0 * preset.SamplesPerShard : two + (preset.SamplesPerShard - 2.0) * (Of(3) - two);

        long Of(long rows) => Training.Products.Of(() =>
        {
            using var constant = no_grad();
            pass(rows).Dispose();
        });
    }

    private static long Count(nn.Module network) => network.parameters().Sum(parameter => parameter.numel());
}
