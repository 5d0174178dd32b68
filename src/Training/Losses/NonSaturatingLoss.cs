using TorchSharp;
using static TorchSharp.torch;

namespace Ganymede.Training;

/// <summary>
/// Binary cross-entropy with the non-saturating loss for G (Goodfellow et al., 2014), on logits l = D(.):
/// L_D = -E log s(D(x)) - E log(1 - s(D(G(z)))), L_G = -E log s(D(G(z))), s the logistic function. -log s(l) = softplus(-l) is
/// computed in the form that does not overflow.
/// </summary>
public sealed class NonSaturatingLoss : IGanLoss
{
    public Tensor OfReal(Tensor logits) => TowardsReal(logits);

    public Tensor OfFake(Tensor logits) => MeanCrossEntropy(logits, zeros_like(logits));

    public Tensor OfGenerator(Tensor logits) => TowardsReal(logits);

    private static Tensor TowardsReal(Tensor logits) => MeanCrossEntropy(logits, ones_like(logits));

    private static Tensor MeanCrossEntropy(Tensor logits, Tensor target)
    {
        using (target)
        {
            return nn.functional.binary_cross_entropy_with_logits(logits, target);
        }
    }
}
