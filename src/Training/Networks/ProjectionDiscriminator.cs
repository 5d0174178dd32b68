using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Ganymede.Training;

/// <summary>
/// Discriminator of preset <c>cgan-32</c> (Miyato and Koyama, 2018): convolutions that halve the image down to 4x4,
/// summed over space; the score is a linear function of these features plus their inner product with the class's
/// embedding.
/// </summary>
/// <remarks>Axes as in <see cref="GeneratorNetwork"/>. Widths: F, doubled at each halving; P features at the end.</remarks>
public sealed class ProjectionDiscriminator : DiscriminatorNetwork
{
    private static readonly Scalar Slope = 0.2;
    private readonly ModuleList<HalvingStage> stages;

    /// <param name="size">H = W: a power of two, at least 8.</param>
    /// <param name="channels">C.</param>
    /// <param name="width">F.</param>
    /// <param name="norm">Kind of <see cref="Norm"/>, after every convolution but the first.</param>
    /// <param name="spectralNorm">Whether every weight is spectrally normalised.</param>
    /// <param name="classCount">Y, or null for an unconditional discriminator.</param>
    /// <param name="precision">Element type of all parameters.</param>
    public ProjectionDiscriminator(
        int size, int channels, int width, NormKind norm, bool spectralNorm, int? classCount, ScalarType precision)
        : this(size, channels, width, norm, new HeadSettings(classCount, SpectralNorm: spectralNorm), precision)
    {
    }

    /// <param name="size">H = W: a power of two, at least 8.</param>
    /// <param name="channels">C.</param>
    /// <param name="width">F.</param>
    /// <param name="norm">Kind of <see cref="Norm"/>, after every convolution but the first.</param>
    /// <param name="head">How the class enters, and whether every weight is spectrally normalised.</param>
    /// <param name="precision">Element type of all parameters.</param>
    /// <param name="reference">R of virtual batch norm.</param>
    public ProjectionDiscriminator(
        int size, int channels, int width, NormKind norm, HeadSettings head, ScalarType precision, int reference = 0)
        : base(nameof(ProjectionDiscriminator), head)
    {
        stages = nn.ModuleList<HalvingStage>();
        var (inputs, outputs) = ((long)channels + LabelChannels, (long)width);
        for (var side = size / 2; side >= 4; side /= 2)
        {
            var stageNorm = stages.Count == 0 ? NormKind.None : norm;
            stages.Add(new(inputs, outputs, stageNorm, Slope, head.SpectralNorm, precision, reference)); // B outputs side side
            (inputs, outputs) = (outputs, outputs * 2);
        }

        Complete(inputs, precision);
    }

    protected override Tensor Features(Tensor input, Tensor label)
    {
        using var scope = NewDisposeScope();
        var features = input;
        foreach (var stage in stages)
        {
            features = stage.forward(features, label);
        }

        return features.sum(dim: [2, 3]).MoveToOuterDisposeScope(); // B P
    }
}

/// <summary>Halves height and width: [B, I, H, W] to [B, O, H/2, W/2].</summary>
public sealed class HalvingStage : nn.Module<Tensor, Tensor, Tensor>
{
    private readonly Convolution conv;
    private readonly Norm norm;
    private readonly Scalar _slope;

    public HalvingStage(long inputs, long outputs, NormKind normKind, Scalar slope, bool spectralNorm, ScalarType precision, int reference = 0)
        : base(nameof(HalvingStage))
    {
        _slope = slope;
        conv = new(inputs, outputs, kernel: 4, stride: 2, padding: 1, precision, hasBias: normKind == NormKind.None, spectralNorm);
        norm = Norm.Create(normKind, outputs, classes: null, precision, reference);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input, Tensor label)
    {
        using var scope = NewDisposeScope();
        return norm.forward(conv.forward(input), label).leaky_relu(_slope).MoveToOuterDisposeScope();
    }
}
