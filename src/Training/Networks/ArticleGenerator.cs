using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Ganymede.Training;

/// <summary>
/// Generator of the article (docs: presets <c>article-64</c>, <c>article-64-adam</c>): a dense layer to 4x4, then
/// transposed convolutions with kernel 4 and stride 2 (Keras' "same" padding is padding 1 here) up to the image's size,
/// norm and leaky ReLU between, tanh at the end. 3.59 M parameters at F = 512, Z = 100, 64x64x3.
/// </summary>
/// <remarks>Axes as in <see cref="GeneratorNetwork"/>.</remarks>
public sealed class ArticleGenerator : GeneratorNetwork
{
    /// <summary>Keras' default slope of leaky ReLU at the article's time.</summary>
    internal static readonly Scalar Slope = 0.3;

    private readonly Dense project;
    private readonly Norm projectNorm;
    private readonly ModuleList<DoublingConvolution> up;
    private readonly ModuleList<Norm> norms;
    private readonly int _width;
    private readonly int? _oneHot;

    /// <param name="size">H = W: a power of two, at least 8.</param>
    /// <param name="channels">C.</param>
    /// <param name="width">F: channels at 4x4, halved at each doubling (512 in the article).</param>
    /// <param name="noise">Z.</param>
    /// <param name="norm">Kind of <see cref="Norm"/>.</param>
    /// <param name="precision">Element type of all parameters.</param>
    /// <param name="classes">Y, or null as in the article.</param>
    /// <param name="reference">R of virtual batch norm.</param>
    public ArticleGenerator(int size, int channels, int width, int noise, NormKind norm, ScalarType precision, int? classes = null, int reference = 0)
        : base(nameof(ArticleGenerator))
    {
        _width = width;
        _oneHot = norm == NormKind.ConditionalBatch ? null : classes;
        project = new(noise + (_oneHot ?? 0), width * 4 * 4, precision, hasBias: false);
        projectNorm = Norm.Create(norm, width * 4 * 4, classes, precision, reference);
        up = nn.ModuleList<DoublingConvolution>();
        norms = nn.ModuleList<Norm>();
        for (var side = 8; side <= size; side *= 2, width /= 2)
        {
            var outputs = side == size ? channels : width / 2;
            up.Add(new(width, outputs, precision, hasBias: side == size || norm == NormKind.None)); // B outputs side side
            if (side < size)
            {
                norms.Add(Norm.Create(norm, outputs, classes, precision, reference));
            }
        }

        RegisterComponents();
    }

    internal override Dense? InputLayer => project;

    protected override Tensor Draw(Tensor noise, Tensor label)
    {
        using var scope = NewDisposeScope();
        var features = projectNorm.forward(project.forward(OneHot.Beside(noise, label, _oneHot)), label).leaky_relu(Slope)        // B F*16
            .view(-1, _width, 4, 4);                                                               // B F 4 4
        for (var index = 0; index < norms.Count; index++)
        {
            features = norms[index].forward(up[index].forward(features), label).leaky_relu(Slope); // B F/2 8 8, …
        }

        return up[norms.Count].forward(features).tanh().MoveToOuterDisposeScope();               // B C H W
    }
}
