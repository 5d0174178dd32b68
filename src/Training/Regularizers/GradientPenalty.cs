using Ganymede.Datasets;
using TorchSharp;
using static TorchSharp.torch;

namespace Ganymede.Training;

/// <summary>
/// Gradient penalty of WGAN-GP (Gulrajani, Ahmed, Arjovsky, Dumoulin and Courville, 2017): lambda E (|d D(y) / d y| - 1)^2 at
/// y_i = u_i x_i + (1 - u_i) G(z)_i with u_i uniform in 0..1. The points are not augmented and have the real image's class.
/// </summary>
internal static class GradientPenalty
{
    /// <param name="random">u of each pair, in their order.</param>
    /// <returns>The points [B, C, H, W], requiring grad.</returns>
    public static Tensor Points(Tensor real, Tensor fake, CounterRandom random)
    {
        using var scope = NewDisposeScope();
        using var constant = no_grad();
        var host = empty(real.shape[0], 1, 1, 1, dtype: ScalarType.Float64);
        foreach (ref var part in TensorBytes.Elements<double>(host))
        {
            part = random.NextDouble();
        }

        return real.Minus(fake).mul_(host.to(real.dtype).to(real.device)).add_(fake, Scalars.One).requires_grad_(true).MoveToOuterDisposeScope();
    }
}
