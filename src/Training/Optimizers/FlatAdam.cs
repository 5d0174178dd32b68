using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace Ganymede.Training;

/// <summary>
/// Adam (Kingma and Ba, 2015) with PyTorch's epsilon, 1e-8, outside the root:
/// m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2;  p -= rate / (1 - b1^t) * m / (sqrt(v) / sqrt(1 - b2^t) + epsilon).
/// </summary>
/// <typeparam name="T">float or double.</typeparam>
public sealed class FlatAdam<T>(OptimizerSettings settings, FlatLayout layout, Device device)
    : FlatOptimizer(layout, device, "exp_avg", "exp_avg_sq") where T : unmanaged, IFloatingPointIeee754<T>
{
    private const double Epsilon = 1e-8;

    // For update number t = Updates, which has been counted already.
    private double Rate => settings.LearningRate * RateFactor / (1 - Power(settings.Beta1, Updates));
    private double SecondMomentScale => 1 / Math.Sqrt(1 - Power(settings.Beta2, Updates));

    [MethodImpl(MethodImplOptions.AggressiveOptimization)] // hot from its first call
    private protected override void UpdateOnHost(Span<byte> parameters, ReadOnlySpan<byte> sum, double scale)
    {
        var p = MemoryMarshal.Cast<byte, Vector<T>>(parameters);
        var g = MemoryMarshal.Cast<byte, Vector<T>>(sum);
        var m = MemoryMarshal.Cast<byte, Vector<T>>(Slots[0].bytes);
        var v = MemoryMarshal.Cast<byte, Vector<T>>(Slots[1].bytes);
        RequireEqualLengths(p.Length, g.Length, m.Length, v.Length);
        var (beta1, gain1) = (Every<T>(settings.Beta1), Every<T>(1 - settings.Beta1));
        var (beta2, gain2) = (Every<T>(settings.Beta2), Every<T>(1 - settings.Beta2));
        var (rate, widen, epsilon, factor) = (Every<T>(Rate), Every<T>(SecondMomentScale), Every<T>(Epsilon), Every<T>(scale));

        // Products and sums are rounded one by one (no fused multiply-add), so every kind of vector unit gives the same bits.
        for (var i = 0; i < p.Length; i++)
        {
            var gradient = g[i] * factor;
            var first = m[i] * beta1 + gradient * gain1;
            var second = v[i] * beta2 + gradient * gradient * gain2;
            m[i] = first;
            v[i] = second;
            p[i] -= first * rate / (Vector.SquareRoot(second) * widen + epsilon);
        }
    }

    private protected override void UpdateByTorch(Tensor parameters, Tensor gradients)
    {
        Slots[0].mul_(settings.Beta1).add_(gradients, 1 - settings.Beta1);
        Slots[1].mul_(settings.Beta2).addcmul_(gradients, gradients, 1 - settings.Beta2);
        parameters.addcdiv_(Slots[0], Slots[1].sqrt().mul_(SecondMomentScale).add_(Epsilon), -Rate);
    }

    /// <summary>x^n by squaring: unlike the C library's pow it rounds the same on every system.</summary>
    private static double Power(double x, long n)
    {
        var power = 1.0;
        for (; n > 0; n >>= 1, x *= x)
            if ((n & 1) != 0)
                power *= x;
        return power;
    }
}
