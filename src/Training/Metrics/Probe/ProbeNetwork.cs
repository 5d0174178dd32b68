using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Ganymede.Training.Metrics;

/// <summary>
/// A small convolutional classifier: 3x3 convolutions of stride 2 with batch norm down to 4x4, a dense layer to D features, and from these the
/// classes. The features are taken before their activation, where they are nearest to normal, as the Fréchet distance assumes.
/// </summary>
/// <remarks>Axes: B batch, C channels, H = W size, D features, Y classes.</remarks>
internal sealed class ProbeNetwork : nn.Module<Tensor, Tensor>
{
    /// <summary>D.</summary>
    public const int Features = 64;

    private const int Width = 32, WidestStage = 128;

    private readonly ModuleList<Conv2d> convolutions;
    private readonly ModuleList<BatchNorm2d> norms;
    private readonly Linear embed;
    private readonly Linear classify;

    /// <param name="size">H = W, at least 4.</param>
    /// <param name="channels">C.</param>
    /// <param name="classes">Y.</param>
    /// <param name="seed">Decides the first weights.</param>
    public ProbeNetwork(int size, int channels, int classes, ulong seed) : base(nameof(ProbeNetwork))
    {
        convolutions = nn.ModuleList<Conv2d>();
        norms = nn.ModuleList<BatchNorm2d>();
        var (side, inputs, outputs) = (size, channels, Width);
        for (; side > 4; side = (side + 1) / 2, inputs = outputs, outputs = Math.Min(2 * outputs, WidestStage))
        {
            convolutions.Add(nn.Conv2d(inputs, outputs, kernel_size: 3, stride: 2, padding: 1, bias: false));
            norms.Add(nn.BatchNorm2d(outputs));
        }

        embed = nn.Linear((long)inputs * side * side, Features, hasBias: false);
        classify = nn.Linear(Features, classes, hasBias: false);
        RegisterComponents();
        Initialization.Apply(this, InitialWeights.He, seed, stream: RandomStream);
    }

    /// <summary>Apart from those of the GAN's networks.</summary>
    private const uint RandomStream = 100;

    /// <param name="images">[B, C, H, W], -1..1.</param>
    /// <returns>[B, D].</returns>
    public Tensor Embed(Tensor images)
    {
        using var scope = NewDisposeScope();
        var hidden = images;
        for (var stage = 0; stage < convolutions.Count; stage++)
            hidden = norms[stage].forward(convolutions[stage].forward(hidden)).relu(); // B F H/2 W/2, …
        return embed.forward(hidden.flatten(1)).MoveToOuterDisposeScope();
    }

    /// <param name="features">[B, D], of <see cref="Embed"/>.</param>
    /// <returns>[B, Y], logits.</returns>
    public Tensor Classify(Tensor features)
    {
        using var scope = NewDisposeScope();
        return classify.forward(features.relu()).MoveToOuterDisposeScope();
    }

    public override Tensor forward(Tensor images)
    {
        using var scope = NewDisposeScope();
        return Classify(Embed(images)).MoveToOuterDisposeScope();
    }
}
