using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Ganymede.Training;

/// <summary>
/// Discriminator of DCGAN (Radford, Metz and Chintala, 2015): convolutions with kernel 4 and stride 2 down to 4x4, leaky ReLU with slope 0.2, norm
/// behind all but the first; a 4x4 convolution to one logit, which is a dense layer over all that is left.
/// </summary>
/// <remarks>Axes as in <see cref="GeneratorNetwork"/>. Widths: F, doubled at each halving.</remarks>
public sealed class DcganDiscriminator : DiscriminatorNetwork
{
    private static readonly Scalar Slope = 0.2;
    private readonly ModuleList<HalvingStage> stages;

    /// <param name="size">H = W: a power of two, at least 8.</param>
    /// <param name="channels">C.</param>
    /// <param name="width">F.</param>
    /// <param name="norm">Kind of <see cref="Norm"/>, after every convolution but the first.</param>
    /// <param name="head">How the class enters, and whether every weight is spectrally normalised.</param>
    /// <param name="precision">Element type of all parameters.</param>
    /// <param name="reference">R of virtual batch norm.</param>
    public DcganDiscriminator(int size, int channels, int width, NormKind norm, HeadSettings head, ScalarType precision, int reference = 0)
        : base(nameof(DcganDiscriminator), head)
    {
        stages = nn.ModuleList<HalvingStage>();
        var (inputs, outputs) = ((long)channels + LabelChannels, (long)width);
        for (var side = size / 2; side >= 4; side /= 2)
        {
            stages.Add(new(inputs, outputs, stages.Count == 0 ? NormKind.None : norm, Slope, head.SpectralNorm, precision, reference)); // B outputs side side
            (inputs, outputs) = (outputs, outputs * 2);
        }

        Complete(inputs * 4 * 4, precision);
    }

    protected override Tensor Features(Tensor input, Tensor label)
    {
        using var scope = NewDisposeScope();
        var features = input;
        foreach (var stage in stages)
        {
            features = stage.forward(features, label);
        }

        return features.flatten(1).MoveToOuterDisposeScope(); // B P*16
    }
}
