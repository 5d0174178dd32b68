using TorchSharp;
using static TorchSharp.torch;

namespace Ganymede.Training;

/// <summary>
/// R1 and R2 (Mescheder, Geiger and Nowozin, 2018): gamma / 2 E |d D(x) / d x|^2, over real images (R1) or generated ones (R2). The images
/// are those before augmentation, as in StyleGAN2-ADA.
/// </summary>
internal static class ZeroCenteredPenalty
{
    /// <param name="gamma">Weight, times the number of updates of which only one computes the penalty.</param>
    /// <returns>Scalar.</returns>
    public static Tensor Of(Tensor logits, Tensor images, double gamma)
    {
        using var scope = NewDisposeScope();
        return InputGradient.SquaredNorms(logits, images).mean().Times(gamma / 2).MoveToOuterDisposeScope();
    }
}
