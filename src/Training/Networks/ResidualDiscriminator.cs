using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Ganymede.Training;

/// <summary>
/// Residual discriminator of SNGAN (Miyato et al., 2018, tables 4b and 5b): blocks of two 3x3 convolutions, ReLU, sum over space. At 32 pixels and
/// below two blocks that halve and two that do not, all of F channels (128 in the paper); above that a halving block down to 4x4 for each
/// doubling of F (64 in the paper) and one that does not halve and keeps the channels (the paper's doubles them once more).
/// </summary>
/// <remarks>Axes as in <see cref="GeneratorNetwork"/>.</remarks>
public sealed class ResidualDiscriminator : DiscriminatorNetwork
{
    private readonly ModuleList<ResidualBlock> blocks;

    /// <param name="size">H = W: a power of two, at least 16.</param>
    /// <param name="channels">C.</param>
    /// <param name="width">F.</param>
    /// <param name="norm">Kind of <see cref="Norm"/>; none in the paper.</param>
    /// <param name="head">How the class enters, and whether every weight is spectrally normalised.</param>
    /// <param name="precision">Element type of all parameters.</param>
    /// <param name="reference">R of virtual batch norm.</param>
    public ResidualDiscriminator(int size, int channels, int width, NormKind norm, HeadSettings head, ScalarType precision, int reference = 0)
        : base(nameof(ResidualDiscriminator), head)
    {
        blocks = nn.ModuleList<ResidualBlock>();
        var (inputs, outputs) = ((long)channels + LabelChannels, (long)width);
        foreach (var halves in size <= 32 ? [true, true, false, false] : Enumerable.Repeat(true, int.Log2(size / 4)).Append(false))
        {
            blocks.Add(new(inputs, outputs, blocks.Count == 0, halves, norm, head.SpectralNorm, precision, reference));
            (inputs, outputs) = (outputs, size <= 32 || !halves || blocks.Count >= int.Log2(size / 4) ? outputs : outputs * 2);
        }

        Complete(inputs, precision);
    }

    protected override Tensor Features(Tensor input, Tensor label)
    {
        using var scope = NewDisposeScope();
        var features = input;
        foreach (var block in blocks)
        {
            features = block.forward(features, label);
        }

        return features.relu().sum(dim: [2, 3]).MoveToOuterDisposeScope(); // B P
    }
}

/// <summary>
/// [B, I, H, W] to [B, O, H, W], or [B, O, H/2, W/2]: (norm, ReLU,) 3x3 convolution, norm, ReLU, 3x3 convolution, mean over 2x2; beside it the mean and a 1x1
/// convolution, if shapes differ. The first block of a network has no activation in front.
/// </summary>
public sealed class ResidualBlock : nn.Module<Tensor, Tensor, Tensor>
{
    private readonly Norm? firstNorm;
    private readonly Convolution first;
    private readonly Norm secondNorm;
    private readonly Convolution second;
    private readonly Convolution? shortcut;
    private readonly bool _halves;

    public ResidualBlock(
        long inputs, long outputs, bool isFirst, bool halves, NormKind norm, bool spectralNorm, ScalarType precision, int reference)
        : base(nameof(ResidualBlock))
    {
        _halves = halves;
        firstNorm = isFirst ? null : Norm.Create(norm, inputs, classes: null, precision, reference);
        first = new(inputs, outputs, kernel: 3, stride: 1, padding: 1, precision, spectralNorm: spectralNorm);
        secondNorm = Norm.Create(isFirst ? NormKind.None : norm, outputs, classes: null, precision, reference);
        second = new(outputs, outputs, kernel: 3, stride: 1, padding: 1, precision, spectralNorm: spectralNorm);
        shortcut = halves || inputs != outputs ? new(inputs, outputs, kernel: 1, stride: 1, padding: 0, precision, spectralNorm: spectralNorm) : null;
        RegisterComponents();
    }

    public override Tensor forward(Tensor input, Tensor label)
    {
        using var scope = NewDisposeScope();
        var features = first.forward(firstNorm?.forward(input, label).relu() ?? input); // B O H W
        features = second.forward(secondNorm.forward(features, label).relu());          // B O H W
        var beside = Halved(input);
        return Halved(features).Plus(shortcut?.forward(beside) ?? beside).MoveToOuterDisposeScope();
    }

    private Tensor Halved(Tensor features) => _halves ? nn.functional.avg_pool2d(features, 2) : features.alias();
}
