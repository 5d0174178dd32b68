using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Ganymede.Training;

/// <summary>
/// Residual generator of SNGAN (Miyato, Kataoka, Koyama and Yoshida, 2018, tables 4a and 5a): dense to F channels at 4x4, a block for each doubling,
/// norm, ReLU, 3x3 convolution, tanh. At 32 pixels and below all blocks have F channels (256 in the paper), above that each halves them
/// (1024 for 64 pixels in the authors' code).
/// </summary>
/// <remarks>Axes as in <see cref="GeneratorNetwork"/>.</remarks>
public sealed class ResidualGenerator : GeneratorNetwork
{
    private readonly Dense project;
    private readonly ModuleList<UpsampleBlock> blocks;
    private readonly Norm lastNorm;
    private readonly Convolution image;
    private readonly int _width;

    /// <param name="size">H = W: a power of two, at least 8.</param>
    /// <param name="channels">C.</param>
    /// <param name="width">F.</param>
    /// <param name="noise">Z.</param>
    /// <param name="norm">Kind of <see cref="Norm"/>.</param>
    /// <param name="classes">Y, or null for an unconditional generator.</param>
    /// <param name="precision">Element type of all parameters.</param>
    /// <param name="reference">R of virtual batch norm.</param>
    public ResidualGenerator(int size, int channels, int width, int noise, NormKind norm, int? classes, ScalarType precision, int reference = 0)
        : base(nameof(ResidualGenerator), norm, classes)
    {
        _width = width;
        project = new(noise + LabelInputs, width * 4 * 4, precision); // B F*16
        blocks = nn.ModuleList<UpsampleBlock>();
        for (var side = 8; side <= size; side *= 2)
        {
            var outputs = Halvings(size) > 0 ? width / 2 : width;
            blocks.Add(new(width, outputs, norm, classes, precision, reference)); // B outputs side side
            width = outputs;
        }

        lastNorm = Norm.Create(norm, width, classes, precision, reference);
        image = new(width, channels, kernel: 3, stride: 1, padding: 1, precision); // B C H W
        RegisterComponents();
    }

    /// <summary>How often the width is halved.</summary>
    public static int Halvings(int size) => size <= 32 ? 0 : int.Log2(size / 4);

    protected override Tensor Draw(Tensor input, Tensor label)
    {
        using var scope = NewDisposeScope();
        var features = project.forward(input).view(-1, _width, 4, 4); // B F 4 4
        foreach (var block in blocks)
        {
            features = block.forward(features, label);
        }

        return image.forward(lastNorm.forward(features, label).relu()).tanh().MoveToOuterDisposeScope(); // B C H W
    }
}

/// <summary>
/// [B, I, H, W] to [B, O, 2H, 2W]: norm, ReLU, doubling and 3x3 convolution, norm, ReLU, 3x3 convolution; beside it a 1x1 convolution and then
/// doubling, which is the same as the paper's doubling and then 1x1 convolution at a quarter of the work.
/// </summary>
public sealed class UpsampleBlock : nn.Module<Tensor, Tensor, Tensor>
{
    private readonly Norm firstNorm;
    private readonly UpsampleConvolution first;
    private readonly Norm secondNorm;
    private readonly Convolution second;
    private readonly Convolution shortcut;

    public UpsampleBlock(long inputs, long outputs, NormKind norm, int? classes, ScalarType precision, int reference) : base(nameof(UpsampleBlock))
    {
        firstNorm = Norm.Create(norm, inputs, classes, precision, reference);
        first = new(inputs, outputs, precision, hasBias: norm == NormKind.None);
        secondNorm = Norm.Create(norm, outputs, classes, precision, reference);
        second = new(outputs, outputs, kernel: 3, stride: 1, padding: 1, precision);
        shortcut = new(inputs, outputs, kernel: 1, stride: 1, padding: 0, precision);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input, Tensor label)
    {
        using var scope = NewDisposeScope();
        var features = first.forward(firstNorm.forward(input, label).relu());     // B O 2H 2W
        features = second.forward(secondNorm.forward(features, label).relu());    // B O 2H 2W
        return features.Plus(UpsampleStage.Doubled(shortcut.forward(input))).MoveToOuterDisposeScope();
    }
}
