using TorchSharp;
using static TorchSharp.torch;

namespace Ganymede.Training;

/// <summary>
/// Scores how real images look. What every discriminator promises, whatever its layers are.
/// </summary>
/// <remarks>Axes as in <see cref="GeneratorNetwork"/>.</remarks>
public abstract class DiscriminatorNetwork(string name) : nn.Module<Tensor, Tensor, Tensor>(name)
{
    /// <summary>The dense layer that reads the network's input itself, if there is one.</summary>
    internal virtual Dense? InputLayer => null;

    /// <param name="image">[B, C, H, W], in -1..1.</param>
    /// <param name="label">[B], int64 in 0..Y-1; not read by an unconditional discriminator.</param>
    /// <returns>[B] logits; above zero means real.</returns>
    public abstract override Tensor forward(Tensor image, Tensor label);
}
