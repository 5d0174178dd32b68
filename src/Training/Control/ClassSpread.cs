using TorchSharp;
using static TorchSharp.torch;

namespace Ganymede.Training;

/// <summary>
/// How far images of one class lie apart: the pooled variance within classes, sum over classes c and their images x of |x - mean of c|^2, over (images - classes);
/// half the mean squared distance of two images of a class (Fisher's within-class scatter). It falls to 0 as the generator collapses to
/// one image a class, which the variance over all classes would hide. Taken at 8x8 pixels, where noise and checkerboards average out and shapes remain.
/// </summary>
/// <remarks>Scatter and freedom are summed over shards and steps apart, so the ratio of the sums is that of all images seen.</remarks>
internal static class ClassSpread
{
    private const int Side = 8;

    /// <param name="images">[B, C, H, W].</param>
    /// <returns>[B, C * 64], float64, without a graph.</returns>
    public static Tensor Features(Tensor images)
    {
        using var scope = NewDisposeScope();
        using var constant = no_grad();
        return nn.functional.adaptive_avg_pool2d(images.detach().to(ScalarType.Float64), Side).flatten(1).MoveToOuterDisposeScope();
    }

    /// <param name="features">[B, D], float64.</param>
    /// <param name="labels">[B], int64 in 0..Y-1.</param>
    /// <returns>The scatter, a mean over D, and B - (classes that are there).</returns>
    public static (double Scatter, double Freedom) Of(Tensor features, Tensor labels, int classes)
    {
        using var scope = NewDisposeScope();
        using var constant = no_grad();
        var members = nn.functional.one_hot(labels, classes).to(ScalarType.Float64);      // B Y
        var counts = members.sum(dim: 0);                                                     // Y
        var means = members.t().matmul(features).div(counts.clamp_min(Scalars.One).unsqueeze(1)); // Y D
        var scatter = features.Minus(members.matmul(means)).Squared().sum();
        return (scatter.item<double>() / features.shape[1], features.shape[0] - counts.count_nonzero().item<long>());
    }
}
