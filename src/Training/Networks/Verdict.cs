using static TorchSharp.torch;

namespace Ganymede.Training;

/// <summary>What a discriminator says of a batch of images. Whoever asks for it owns the tensors.</summary>
/// <param name="Logits">[B]; above zero means real.</param>
/// <param name="Features">[B, P], the last features before the score.</param>
/// <param name="Guesses">[B, Y] logits of the classes, from a discriminator that guesses them.</param>
public sealed record Verdict(Tensor Logits, Tensor Features, Tensor? Guesses) : IDisposable
{
    public void Dispose()
    {
        Logits.Dispose();
        Features.Dispose();
        Guesses?.Dispose();
    }
}
