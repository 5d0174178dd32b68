using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Ganymede.Training;

/// <summary>
/// Virtual batch norm (Salimans et al., 2016, section 3.5): the first R rows of a batch are the <see cref="ReferenceBatch"/>, normalised by
/// their own mean and variance. Each row x behind them is normalised by the moments of the reference batch and x itself: with n = R + 1, mean m =
/// (m_x + R m_r) / n, square q = (q_x + R q_r) / n and variance q - m^2. So no sample depends on the others of its batch.
/// </summary>
public sealed class VirtualBatchNorm : Norm
{
    private static readonly Scalar Epsilon = GhostStatistics.Epsilon;

    private readonly Parameter weight; // F
    private readonly Parameter bias;   // F
    private readonly long _rows;

    /// <param name="rows">R.</param>
    public VirtualBatchNorm(long features, long rows, ScalarType precision) : base(nameof(VirtualBatchNorm))
    {
        _rows = rows;
        weight = nn.Parameter(ones(features, dtype: precision));
        bias = nn.Parameter(zeros(features, dtype: precision));
        RegisterComponents();
    }

    public override Tensor forward(Tensor input, Tensor label)
    {
        using var scope = NewDisposeScope();
        var flat = input.flatten(input.dim() > 2 ? 2 : 1);
        var rows = flat.dim() > 2 ? flat : flat.unsqueeze(2);                            // R+B F S
        var (means, squares) = (rows.mean([2]), rows.Squared().mean([2]));              // R+B F
        var (mean, square) = (means.narrow(0, 0, _rows).mean([0], keepdim: true), squares.narrow(0, 0, _rows).mean([0], keepdim: true)); // 1 F
        var behind = input.shape[0] - _rows;
        var allMeans = cat([mean.expand(_rows, -1), Mixed(means.narrow(0, _rows, behind), mean)], dim: 0);         // R+B F
        var allSquares = cat([square.expand(_rows, -1), Mixed(squares.narrow(0, _rows, behind), square)], dim: 0); // R+B F
        var gain = allSquares.Minus(allMeans.Squared()).add(Epsilon, Scalars.One).rsqrt().mul(weight);             // R+B F
        return rows.Minus(allMeans.unsqueeze(2)).mul(gain.unsqueeze(2)).Plus(bias.view(1, -1, 1)).view(input.shape).MoveToOuterDisposeScope();
    }

    private Tensor Mixed(Tensor own, Tensor reference) => own.Times(1.0 / (_rows + 1)).Plus(reference.Times((double)_rows / (_rows + 1)));
}
