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

    public Tensor OfFake(Tensor logits) => MeanCrossEntropy(logits, target: 0);

    public Tensor OfGenerator(Tensor logits) => TowardsReal(logits);

    private static Tensor TowardsReal(Tensor logits) => MeanCrossEntropy(logits, target: 1);

    private static Tensor MeanCrossEntropy(Tensor logits, double target)
    {
        using var scope = NewDisposeScope();
        return nn.functional.binary_cross_entropy_with_logits(logits, full_like(logits, target)).MoveToOuterDisposeScope();
    }
}
