using static TorchSharp.torch;

namespace Ganymede.Training;

/// <summary>
/// Binary cross-entropy with the non-saturating loss for G (Goodfellow et al., 2014), on logits l = D(.):
/// L_D = -E log s(D(x)) - E log(1 - s(D(G(z)))), L_G = -E log s(D(G(z))), s the logistic function.
/// </summary>
/// <param name="labelSmoothing">
/// e of one-sided label smoothing (Salimans et al., 2016, section 3.4): the target of real images is 1 - e, so their term is
/// -E [(1 - e) log s(D(x)) + e log(1 - s(D(x)))]. That of generated images stays 0.
/// </param>
public sealed class NonSaturatingLoss(double labelSmoothing = 0) : IGanLoss
{
    public Tensor OfReal(Tensor logits) =>
        labelSmoothing > 0 ? CrossEntropy.Towards(logits, 1 - labelSmoothing) : CrossEntropy.TowardsReal(logits);

    public Tensor OfFake(Tensor logits) => CrossEntropy.TowardsFake(logits);

    public Tensor OfGenerator(Tensor logits) => CrossEntropy.TowardsReal(logits);
}
