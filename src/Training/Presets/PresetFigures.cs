using TorchSharp;
using static TorchSharp.torch;

namespace Ganymede.Training;

/// <summary>What a preset costs, from the networks that it really makes.</summary>
/// <param name="GeneratorParameters">Numbers that G learns.</param>
/// <param name="DiscriminatorParameters">Numbers that D learns.</param>
/// <param name="GflopPerStep">
/// 10^9 additions and multiplications a step in convolutions and dense layers, over all shards. A pass forwards counts its products twice; a pass that is
/// differentiated by weights and activations three times a pass forwards, by its input alone twice; a penalty adds three such passes where it is
/// computed, one more if at points of its own.
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
        var perDrawing = Each(preset, rows => generator.forward(zeros(rows, preset.Generator.Noise, dtype: type), zeros(rows, dtype: ScalarType.Int64)));
        var perJudgement = Each(preset, rows => discriminator.forward(
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
        var needsReal = preset.Loss == LossKind.Relativistic || preset.Technique.FeatureMatching > 0;
        return preset.CriticSteps * discriminating + 2 * drawing + (2 + (needsReal ? 1 : 0)) * judgement;

        static int Is(double weight) => weight > 0 ? 1 : 0;
    }

    /// <summary>Products of a pass over a shard's samples: linear in them, with a part for the reference batch, so two small passes tell.</summary>
    private static double Each(Preset preset, Func<long, Tensor> pass)
    {
        var (two, three) = (Of(2), Of(3)); // batch norm needs two
        return two + (preset.SamplesPerShard - 2.0) * (three - two);

        long Of(long rows) => Training.Products.Of(() =>
        {
            using var constant = no_grad();
            pass(rows).Dispose();
        });
    }

    private static long Count(nn.Module network) => network.parameters().Sum(parameter => parameter.numel());
}
