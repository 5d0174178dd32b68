using TorchSharp;
using static TorchSharp.torch;

namespace Ganymede.Training;

/// <summary>
/// Feature matching (Salimans, Goodfellow, Zaremba, Cheung, Radford and Chen, 2016, section 3.1): L_G = |E f(x) - E f(G(z))|^2, f D's last
/// features. The expectations are means over the images of one shard, as batch norm's statistics are.
/// </summary>
internal static class FeatureMatching
{
    /// <param name="real">[B, P], constants.</param>
    /// <param name="fake">[B, P].</param>
    /// <returns>Scalar.</returns>
    public static Tensor Of(Tensor real, Tensor fake)
    {
        using var scope = NewDisposeScope();
        return real.mean([0]).Minus(fake.mean([0])).Squared().sum().MoveToOuterDisposeScope();
    }
}
