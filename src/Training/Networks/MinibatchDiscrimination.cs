using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Ganymede.Training;

/// <summary>
/// Minibatch discrimination (Salimans et al., 2016, section 3.2), by which D sees a lack of variety: M_i = T f(x_i), a matrix [K, 5];
/// o(x_i)_k = sum_j exp(-|M_ik - M_jk|_1) over the images j of the same shard and kind, itself included; the result is [f(x_i), o(x_i)].
/// [B, P] to [B, P + K].
/// </summary>
public sealed class MinibatchDiscrimination : nn.Module<Tensor, Tensor>
{
    /// <summary>C, the dimensions of a kernel, as in the authors' code.</summary>
    public const int Dimensions = 5;

    private readonly Parameter weight; // K*5 P
    private readonly long _kernels;

    public MinibatchDiscrimination(long features, int kernels, ScalarType precision) : base(nameof(MinibatchDiscrimination))
    {
        _kernels = kernels;
        weight = nn.Parameter(zeros([kernels * Dimensions, features], dtype: precision));
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        if (Products.AreCounted)
            Products.Add(input, weight.shape[0]);
        var rows = nn.functional.linear(input, weight).view(-1, _kernels, Dimensions); // B K 5
        var distances = rows.unsqueeze(0).Minus(rows.unsqueeze(1)).abs().sum(dim: [3]);  // B B K
        return cat([input, distances.neg().exp().sum(dim: [0])], dim: 1).MoveToOuterDisposeScope();
    }
}
