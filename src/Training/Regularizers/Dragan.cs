using Ganymede.Datasets;
using TorchSharp;
using static TorchSharp.torch;

namespace Ganymede.Training;

/// <summary>
/// DRAGAN (Kodali, Abernethy, Hays and Kira, 2017): lambda E (|d D(y) / d y| - 1)^2 around the data, y_i = x_i + 0.5 s u_i with s the
/// standard deviation of all pixels of the batch (here: of the shard) and u_i uniform in 0..1 for each pixel.
/// </summary>
internal static class Dragan
{
    private const double Reach = 0.5;

    /// <param name="random">u of each pixel, in their order.</param>
    /// <returns>The points [B, C, H, W], requiring grad.</returns>
    public static Tensor Points(Tensor real, CounterRandom random)
    {
        using var scope = NewDisposeScope();
        using var constant = no_grad();
        var host = empty(real.shape, dtype: ScalarType.Float64);
        foreach (ref var part in TensorBytes.Elements<double>(host))
        {
            part = random.NextDouble();
        }

        return host.to(real.dtype).to(real.device).mul_(real.std()).Times(Reach).add_(real, Scalars.One).requires_grad_(true).MoveToOuterDisposeScope();
    }
}
