using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Ganymede.Training;

/// <summary>
/// Discriminator of the article: the flattened image through dense layers without bias to 1024, 512, 256, 128, 64 and
/// 32, each with norm and leaky ReLU, then a dense layer to one logit. 13.29 M parameters for 64x64x3.
/// </summary>
/// <remarks>Axes as in <see cref="GeneratorNetwork"/>.</remarks>
public sealed class ArticleDiscriminator : DiscriminatorNetwork
{
    /// <summary>How many hidden layers halve the width.</summary>
    public const int HiddenLayers = 6;

    /// <summary>Of leaky ReLU: Keras' default at the article's time.</summary>
    internal static readonly Scalar Slope = 0.3;

    private readonly ModuleList<Dense> hidden;
    private readonly ModuleList<Norm> norms;

    /// <param name="size">H = W.</param>
    /// <param name="channels">C.</param>
    /// <param name="width">Outputs of the first layer (1024 in the article), a multiple of 32.</param>
    /// <param name="norm">Kind of <see cref="Norm"/>.</param>
    /// <param name="head">How the class enters (the article's knows none), and whether every weight is spectrally normalised.</param>
    /// <param name="precision">Element type of all parameters.</param>
    /// <param name="reference">R of virtual batch norm.</param>
    public ArticleDiscriminator(
        int size, int channels, int width, NormKind norm, HeadSettings head, ScalarType precision, int reference = 0)
        : base(nameof(ArticleDiscriminator), head)
    {
        hidden = nn.ModuleList<Dense>();
        norms = nn.ModuleList<Norm>();
        var inputs = (long)(channels + LabelChannels) * size * size;
        for (var (layer, outputs) = (0, (long)width); layer < HiddenLayers; layer++, outputs /= 2)
        {
            hidden.Add(new(inputs, outputs, precision, hasBias: false, head.SpectralNorm));
            norms.Add(Norm.Create(norm, outputs, classes: null, precision, reference));
            inputs = outputs;
        }

        Complete(inputs, precision);
    }

    internal override Dense? InputLayer => hidden[0];

    protected override Tensor Features(Tensor input, Tensor label)
    {
        using var scope = NewDisposeScope();
        var features = input.flatten(1);                                                      // B C*H*W
        for (var layer = 0; layer < HiddenLayers; layer++)
        {
            features = norms[layer].forward(hidden[layer].forward(features), label).leaky_relu(Slope); // B width/2^layer
        }

        return features.MoveToOuterDisposeScope();                                            // B width/32
    }
}
