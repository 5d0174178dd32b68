using TorchSharp;
using static TorchSharp.torch;

namespace Ganymede.Training;

/// <summary>
/// Wasserstein loss (Arjovsky, Chintala and Bottou, 2017): L_D = -E D(x) + E D(G(z)), L_G = -E D(G(z)). D must be kept Lipschitz, by weight
/// clipping, a gradient penalty or spectral norm; then E D(x) - E D(G(z)) = -L_D estimates the distance of the distributions, and is what
/// <see cref="PhaseReport.WassersteinEstimate"/> reports.
/// </summary>
public sealed class WassersteinLoss : IGanLoss
{
    public Tensor OfReal(Tensor logits)
    {
        using var scope = NewDisposeScope();
        return logits.mean().neg().MoveToOuterDisposeScope();
    }

    public Tensor OfFake(Tensor logits) => logits.mean();

    public Tensor OfGenerator(Tensor logits) => OfReal(logits);
}
