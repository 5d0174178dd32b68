using TorchSharp;
using static TorchSharp.torch;

namespace Ganymede.Training;

/// <summary>Binary cross-entropy on logits l, computed in the form that does not overflow: softplus(l) = log(1 + exp(l)).</summary>
internal static class CrossEntropy
{
    /// <summary>E softplus(-l) = -E log s(l), s the logistic function: scalar.</summary>
    public static Tensor TowardsReal(Tensor logits) => Mean(logits, ones_like(logits));

    /// <summary>E softplus(l) = -E log(1 - s(l)): scalar.</summary>
    public static Tensor TowardsFake(Tensor logits) => Mean(logits, zeros_like(logits));

    /// <summary>-E [a log s(l) + (1 - a) log(1 - s(l))]: scalar.</summary>
    /// <param name="target">a, 0..1.</param>
    public static Tensor Towards(Tensor logits, double target)
    {
        using Scalar value = target;
        return Mean(logits, full_like(logits, value));
    }

    private static Tensor Mean(Tensor logits, Tensor target)
    {
        using (target)
        {
            return nn.functional.binary_cross_entropy_with_logits(logits, target);
        }
    }
}
