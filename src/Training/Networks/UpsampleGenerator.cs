using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Ganymede.Training;

/// <summary>
/// Generator of preset <c>cgan-32</c>: noise to 4x4, then nearest-neighbour doubling and a 3x3 convolution up to the
/// image's size (Odena, Dumoulin and Olah, 2016: this leaves no checkerboard, which transposed and sub-pixel
/// convolutions do). At full size a stage with norm would cost a third of the whole step, so a 1x1 convolution first
/// brings the channels down to eight an image channel, and only the last convolution works there.
/// </summary>
/// <remarks>Axes as in <see cref="GeneratorNetwork"/>. F channels at 4x4, halved at each doubling.</remarks>
public sealed class UpsampleGenerator : GeneratorNetwork
{
    private readonly Dense project;
    private readonly Norm projectNorm;
    private readonly ModuleList<UpsampleStage> stages;
    private readonly Convolution narrow;
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
    public UpsampleGenerator(int size, int channels, int width, int noise, NormKind norm, int? classes, ScalarType precision, int reference = 0)
        : base(nameof(UpsampleGenerator), norm, classes)
    {
        _width = width;
        project = new(noise + LabelInputs, width * 4 * 4, precision); // B F*16
        projectNorm = Norm.Create(norm, width, classes, precision, reference);
        stages = nn.ModuleList<UpsampleStage>();
        for (var side = 8; side < size; side *= 2, width /= 2)
        {
            stages.Add(new(width, width / 2, norm, classes, precision, reference)); // B F/2 side side, then B F/4 …
        }

        narrow = new(width, 8 * channels, kernel: 1, stride: 1, padding: 0, precision); // B 8C H/2 W/2
        image = new(8 * channels, channels, kernel: 3, stride: 1, padding: 1, precision); // B C H W
        RegisterComponents();
    }

    protected override Tensor Draw(Tensor input, Tensor label)
    {
        using var scope = NewDisposeScope();
        var features = project.forward(input).view(-1, _width, 4, 4); // B F 4 4
        features = projectNorm.forward(features, label).relu();
        foreach (var stage in stages)
        {
            features = stage.forward(features, label);
        }

        return image.forward(UpsampleStage.Doubled(narrow.forward(features))).tanh().MoveToOuterDisposeScope(); // B C H W
    }
}

/// <summary>Doubles height and width: [B, I, H, W] to [B, O, 2H, 2W].</summary>
public sealed class UpsampleStage : nn.Module<Tensor, Tensor, Tensor>
{
    private readonly UpsampleConvolution conv;
    private readonly Norm norm;

    public UpsampleStage(long inputs, long outputs, NormKind normKind, int? classes, ScalarType precision, int reference = 0) : base(nameof(UpsampleStage))
    {
        conv = new(inputs, outputs, precision, hasBias: normKind == NormKind.None);
        norm = Norm.Create(normKind, outputs, classes, precision, reference);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input, Tensor label)
    {
        using var scope = NewDisposeScope();
        return norm.forward(conv.forward(input), label).relu().MoveToOuterDisposeScope();
    }

    /// <summary>[B, C, H, W] to [B, C, 2H, 2W], each pixel four times.</summary>
    public static Tensor Doubled(Tensor input) =>
        nn.functional.upsample_nearest2d(input, [2 * input.shape[2], 2 * input.shape[3]]);
}
