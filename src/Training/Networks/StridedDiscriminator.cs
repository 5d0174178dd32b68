using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Ganymede.Training;

/// <summary>
/// Convolutions with kernel 4 and stride 2 that halve the image down to 4x4, leaky ReLU with slope 0.2, norm behind all but the first. Then either
/// a sum over space (Miyato and Koyama, 2018), or as in DCGAN (Radford, Metz and Chintala, 2015) a 4x4 convolution to one logit, which is a dense layer over all that is left.
/// </summary>
/// <remarks>Axes as in <see cref="GeneratorNetwork"/>. Widths: F, doubled at each halving.</remarks>
public sealed class StridedDiscriminator : DiscriminatorNetwork
{
    private static readonly Scalar Slope = 0.2;
    private readonly ModuleList<HalvingStage> stages;
    private readonly bool _sums;

    /// <param name="size">H = W: a power of two, at least 8.</param>
    /// <param name="channels">C.</param>
    /// <param name="width">F.</param>
    /// <param name="norm">Kind of <see cref="Norm"/>, after every convolution but the first.</param>
    /// <param name="head">How the class enters, and whether every weight is spectrally normalised.</param>
    /// <param name="precision">Element type of all parameters.</param>
    /// <param name="reference">R of virtual batch norm.</param>
    /// <param name="sums">The features are summed over space; if not, each place's are features of their own.</param>
    public StridedDiscriminator(
        int size, int channels, int width, NormKind norm, HeadSettings head, ScalarType precision, int reference = 0, bool sums = true)
        : base(nameof(StridedDiscriminator), head)
    {
        _sums = sums;
        stages = nn.ModuleList<HalvingStage>();
        var (inputs, outputs) = ((long)channels + LabelChannels, (long)width);
        for (var side = size / 2; side >= 4; side /= 2)
        {
            var stageNorm = stages.Count == 0 ? NormKind.None : norm;
            stages.Add(new(inputs, outputs, stageNorm, Slope, head.SpectralNorm, precision, reference)); // B outputs side side
            (inputs, outputs) = (outputs, outputs * 2);
        }

        Complete(sums ? inputs : inputs * 4 * 4, precision);
    }

    protected override Tensor Features(Tensor input, Tensor label)
    {
        using var scope = NewDisposeScope();
        var features = input;
        foreach (var stage in stages)
        {
            features = stage.forward(features, label);
        }

        return (_sums ? features.sum(dim: [2, 3]) : features.flatten(1)).MoveToOuterDisposeScope(); // B P
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
