using TorchSharp;
using static TorchSharp.torch;

namespace Ganymede.Training;

/// <summary>
/// Least squares (Mao, Li, Xie, Lau, Wang and Smolley, 2017) with targets a = -1 and b = c = 1, so that here, too, a logit above zero
/// means real: L_D = 1/2 E (D(x) - 1)^2 + 1/2 E (D(G(z)) + 1)^2, L_G = 1/2 E (D(G(z)) - 1)^2.
/// </summary>
public sealed class LeastSquaresLoss : IGanLoss
{
    public Tensor OfReal(Tensor logits) => HalfSquare(logits, -1);

    public Tensor OfFake(Tensor logits) => HalfSquare(logits, 1);

    public Tensor OfGenerator(Tensor logits) => HalfSquare(logits, -1);

    private static Tensor HalfSquare(Tensor logits, double offset)
    {
        using var scope = NewDisposeScope();
        return logits.Shifted(offset).Squared().mean().mul(Scalars.Half).MoveToOuterDisposeScope();
    }
}
