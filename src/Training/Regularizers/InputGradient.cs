using TorchSharp;
using static TorchSharp.torch;

namespace Ganymede.Training;

/// <summary>D's gradient with respect to its input, itself differentiable with respect to D's parameters (double backward).</summary>
internal static class InputGradient
{
    /// <summary>Below this, a norm's own gradient is taken as 0: at 0 it has none.</summary>
    private static readonly Scalar LeastSquare = 1e-24;

    /// <param name="logits">[B], of D; each must depend on its own image alone.</param>
    /// <param name="images">[B, …], what they were computed from; requires grad.</param>
    /// <returns>|d D(x_i) / d x_i|^2, [B].</returns>
    public static Tensor SquaredNorms(Tensor logits, Tensor images)
    {
        using var scope = NewDisposeScope();

        // Both flags: without retain_graph the graph is gone after this pass, and the native call ends the process on an error.
        var gradient = autograd.grad([logits.sum()], [images], retain_graph: true, create_graph: true)[0];
        return gradient.flatten(1).Squared().sum(dim: 1).MoveToOuterDisposeScope();
    }

    /// <summary>The square root of the above, [B].</summary>
    public static Tensor Norms(Tensor logits, Tensor images)
    {
        using var scope = NewDisposeScope();
        return SquaredNorms(logits, images).clamp_min(LeastSquare).sqrt().MoveToOuterDisposeScope();
    }

    /// <summary>lambda E (|d D(x) / d x| - 1)^2: scalar.</summary>
    public static Tensor OneCentered(Tensor logits, Tensor images, double weight)
    {
        using var scope = NewDisposeScope();
        return Norms(logits, images).add(Scalars.MinusOne, Scalars.One).Squared().mean().Times(weight).MoveToOuterDisposeScope();
    }
}
