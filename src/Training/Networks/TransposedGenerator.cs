using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Ganymede.Training;

/// <summary>
/// Generator of DCGAN (Radford, Metz and Chintala, 2015): a dense layer to F channels at 4x4, then transposed convolutions with kernel 4 and stride 2
/// that halve the channels, norm and ReLU between, tanh at the end. F = 1024 for 64x64 in the paper, 512 in PyTorch's example.
/// </summary>
/// <remarks>
/// That of the article (presets <c>article-64</c>, <c>article-64-adam</c>) is the same but for a norm over each of the dense layer's outputs by itself,
/// no bias there, and leaky ReLU: 3.59 M parameters at F = 512, Z = 100, 64x64x3. Keras' "same" padding is padding 1 here. Axes as in <see
/// cref="GeneratorNetwork"/>.
/// </remarks>
public sealed class TransposedGenerator : GeneratorNetwork
{
    private readonly Dense project;
    private readonly Norm projectNorm;
    private readonly ModuleList<DoublingConvolution> up;
    private readonly ModuleList<Norm> norms;
    private readonly int _width;
    private readonly bool _isArticles;

    /// <param name="size">H = W: a power of two, at least 8.</param>
    /// <param name="channels">C.</param>
    /// <param name="width">F.</param>
    /// <param name="noise">Z.</param>
    /// <param name="norm">Kind of <see cref="Norm"/>.</param>
    /// <param name="classes">Y, or null for an unconditional generator, as the article's is.</param>
    /// <param name="precision">Element type of all parameters.</param>
    /// <param name="reference">R of virtual batch norm.</param>
    /// <param name="isArticles">The article's instead of DCGAN's.</param>
    public TransposedGenerator(
        int size, int channels, int width, int noise, NormKind norm, int? classes, ScalarType precision, int reference = 0, bool isArticles = false)
        : base(nameof(TransposedGenerator), norm, classes)
    {
        (_width, _isArticles) = (width, isArticles);
        project = new(noise + LabelInputs, width * 4 * 4, precision, hasBias: norm == NormKind.None && !isArticles);
        projectNorm = Norm.Create(norm, isArticles ? width * 4 * 4 : width, classes, precision, reference);
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

    protected override Tensor Draw(Tensor input, Tensor label)
    {
        using var scope = NewDisposeScope();
        var features = project.forward(input);                                                       // B F*16
        features = _isArticles ? features : features.view(-1, _width, 4, 4);                         // B F 4 4
        features = Active(projectNorm.forward(features, label)).view(-1, _width, 4, 4);              // B F 4 4
        for (var index = 0; index < norms.Count; index++)
        {
            features = Active(norms[index].forward(up[index].forward(features), label));             // B F/2 8 8, …
        }

        return up[norms.Count].forward(features).tanh().MoveToOuterDisposeScope();                   // B C H W
    }

    private Tensor Active(Tensor features) => _isArticles ? features.leaky_relu(ArticleDiscriminator.Slope) : features.relu();
}
