using TorchSharp;
using static TorchSharp.torch;

namespace Ganymede.Training;

/// <summary>
/// Hinge loss (Lim and Ye, 2017; Tran, Ranganath and Blei, 2017): L_D = E max(0, 1 - D(x)) + E max(0, 1 + D(G(z))), L_G
/// = -E D(G(z)).
/// </summary>
public sealed class HingeLoss : IGanLoss
{
    public Tensor OfReal(Tensor logits)
    {
        using var scope = NewDisposeScope();
        return logits.neg().PlusOne().relu().mean().MoveToOuterDisposeScope();
    }

    public Tensor OfFake(Tensor logits)
    {
        using var scope = NewDisposeScope();
        return logits.PlusOne().relu().mean().MoveToOuterDisposeScope();
    }

    public Tensor OfGenerator(Tensor logits)
    {
        using var scope = NewDisposeScope();
        return logits.mean().neg().MoveToOuterDisposeScope();
    }
}
