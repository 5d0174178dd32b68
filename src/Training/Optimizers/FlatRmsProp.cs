using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace Ganymede.Training;

/// <summary>
/// RMSProp (Tieleman and Hinton, 2012) as PyTorch has it, epsilon 1e-8 outside the root: v = alpha v + (1 - alpha) g^2;
/// d = g / (sqrt(v) + epsilon); with momentum b = momentum b + d, p -= rate b, else p -= rate d.
/// </summary>
/// <typeparam name="T">float or double.</typeparam>
public sealed class FlatRmsProp<T>(OptimizerSettings settings, FlatLayout layout, Device device)
    : FlatOptimizer(layout, device, settings.Momentum == 0 ? ["square_avg"] : ["square_avg", "momentum_buffer"]) where T : unmanaged, IFloatingPointIeee754<T>
{
    private const double Epsilon = 1e-8;

    private double Rate => settings.LearningRate * RateFactor;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)] // hot from its first call
    private protected override void UpdateOnHost(Span<byte> parameters, ReadOnlySpan<byte> sum, double scale)
    {
        var p = MemoryMarshal.Cast<byte, Vector<T>>(parameters);
        var g = MemoryMarshal.Cast<byte, Vector<T>>(sum);
        var v = MemoryMarshal.Cast<byte, Vector<T>>(Slots[0].bytes);
        RequireEqualLengths(p.Length, g.Length, v.Length);
        var (alpha, gain) = (Every<T>(settings.Alpha), Every<T>(1 - settings.Alpha));
        var (rate, epsilon, factor, momentum) = (Every<T>(Rate), Every<T>(Epsilon), Every<T>(scale), Every<T>(settings.Momentum));
        var b = Slots.Length > 1 ? MemoryMarshal.Cast<byte, Vector<T>>(Slots[1].bytes) : default;
        for (var i = 0; i < p.Length; i++)
        {
            var gradient = g[i] * factor;
            var square = v[i] * alpha + gradient * gradient * gain;
            v[i] = square;
            var direction = gradient / (Vector.SquareRoot(square) + epsilon);
            if (b.Length > 0)
                direction = b[i] = b[i] * momentum + direction;
            p[i] -= direction * rate;
        }
    }

    private protected override void UpdateByTorch(Tensor parameters, Tensor gradients)
    {
        Slots[0].mul_(settings.Alpha).addcmul_(gradients, gradients, 1 - settings.Alpha);
        var direction = gradients.div(Slots[0].sqrt().add_(Epsilon));
        parameters.add_(Slots.Length > 1 ? Slots[1].mul_(settings.Momentum).add_(direction) : direction, -Rate);
    }
}
