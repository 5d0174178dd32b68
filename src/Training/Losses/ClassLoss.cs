using TorchSharp;
using static TorchSharp.torch;

namespace Ganymede.Training;

/// <summary>
/// Cross-entropy of the classes that D guesses: -E log softmax(l)_y. AC-GAN (Odena, Olah and Shlens, 2017) adds it to D's terms of real
/// and generated images and to G's loss; the semi-supervised discriminator (Salimans et al., 2016, section 5) to the term of real images alone.
/// </summary>
internal static class ClassLoss
{
    /// <param name="guesses">[B, Y] logits.</param>
    /// <param name="labels">[B], int64 in 0..Y-1.</param>
    /// <returns>Scalar.</returns>
    public static Tensor Of(Tensor guesses, Tensor labels) => nn.functional.cross_entropy(guesses, labels);
}
