using TorchSharp;
using static TorchSharp.torch;

namespace Ganymede.Training;

/// <summary>
/// The two-player game itself (Goodfellow et al., 2014, equation 1): L_D = -E log s(D(x)) - E log(1 - s(D(G(z)))), L_G =
/// E log(1 - s(D(G(z)))). G's gradient vanishes where D is sure: <see cref="NonSaturatingLoss"/> is what one trains with.
/// </summary>
/// <param name="labelSmoothing">As for <see cref="NonSaturatingLoss"/>.</param>
public sealed class MinimaxLoss(double labelSmoothing = 0) : IGanLoss
{
    private readonly NonSaturatingLoss _ofDiscriminator = new(labelSmoothing);

    public Tensor OfReal(Tensor logits) => _ofDiscriminator.OfReal(logits);

    public Tensor OfFake(Tensor logits) => _ofDiscriminator.OfFake(logits);

    public Tensor OfGenerator(Tensor logits)
    {
        using var scope = NewDisposeScope();
        return CrossEntropy.TowardsFake(logits).neg().MoveToOuterDisposeScope();
    }
}
