using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Ganymede.Training;

/// <summary>
/// Generator of DCGAN (Radford, Metz and Chintala, 2015): a dense layer to F channels at 4x4, then transposed convolutions with kernel 4 and stride 2
/// that halve the channels, norm and ReLU between, tanh at the end. F = 1024 for 64x64 in the paper, 512 in PyTorch's example. The class
/// enters through conditional norms; with other norms as a one-hot vector beside the noise.
/// </summary>
/// <remarks>Axes as in <see cref="GeneratorNetwork"/>.</remarks>
public sealed class DcganGenerator : GeneratorNetwork
{
    private readonly Dense project;
    private readonly Norm projectNorm;
    private readonly ModuleList<DoublingConvolution> up;
    private readonly ModuleList<Norm> norms;
    private readonly int _width;
    private readonly int? _oneHot;

    /// <param name="size">H = W: a power of two, at least 8.</param>
    /// <param name="channels">C.</param>
    /// <param name="width">F.</param>
    /// <param name="noise">Z.</param>
    /// <param name="norm">Kind of <see cref="Norm"/>.</param>
    /// <param name="classes">Y, or null for an unconditional generator.</param>
    /// <param name="precision">Element type of all parameters.</param>
    /// <param name="reference">R of virtual batch norm.</param>
    public DcganGenerator(int size, int channels, int width, int noise, NormKind norm, int? classes, ScalarType precision, int reference = 0)
        : base(nameof(DcganGenerator))
    {
        _width = width;
        _oneHot = norm == NormKind.ConditionalBatch ? null : classes;
        project = new(noise + (_oneHot ?? 0), width * 4 * 4, precision, hasBias: norm == NormKind.None);
        projectNorm = Norm.Create(norm, width, classes, precision, reference);
        up = nn.ModuleList<DoublingConvolution>();
        norms = nn.ModuleList<Norm>();
        for (var side = 8; side < size; side *= 2, width /= 2)
        {
            up.Add(new(width, width / 2, precision, hasBias: norm == NormKind.None)); // B F/2 side side, then B F/4 …
            norms.Add(Norm.Create(norm, width / 2, classes, precision, reference));
        }

        up.Add(new(width, channels, precision, hasBias: true)); // B C H W
        RegisterComponents();
    }

    internal override Dense? InputLayer => project;

    protected override Tensor Draw(Tensor noise, Tensor label)
    {
        using var scope = NewDisposeScope();
        var features = project.forward(OneHot.Beside(noise, label, _oneHot)).view(-1, _width, 4, 4); // B F 4 4
        features = projectNorm.forward(features, label).relu();
        for (var index = 0; index < norms.Count; index++)
        {
            features = norms[index].forward(up[index].forward(features), label).relu();              // B F/2 8 8, …
        }

        return up[norms.Count].forward(features).tanh().MoveToOuterDisposeScope();                   // B C H W
    }
}
