using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace Ganymede.Training;

/// <summary>Gradient descent with PyTorch's momentum: b = momentum b + g (b = 0 at first);  p -= rate b.</summary>
/// <typeparam name="T">float or double.</typeparam>
public sealed class FlatSgd<T>(OptimizerSettings settings, FlatLayout layout, Device device)
    : FlatOptimizer(layout, device, settings.Momentum == 0 ? [] : ["momentum_buffer"]) where T : unmanaged, IFloatingPointIeee754<T>
{
    private double Rate => settings.LearningRate * RateFactor;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)] // hot from its first call
    private protected override void UpdateOnHost(Span<byte> parameters, ReadOnlySpan<byte> sum, double scale)
    {
        var p = MemoryMarshal.Cast<byte, Vector<T>>(parameters);
        var g = MemoryMarshal.Cast<byte, Vector<T>>(sum);
        var (rate, factor) = (Every<T>(Rate), Every<T>(scale));
        if (Slots.Length == 0)
        {
            RequireEqualLengths(p.Length, g.Length);
            for (var i = 0; i < p.Length; i++)
                p[i] -= g[i] * factor * rate;
            return;
        }

        var b = MemoryMarshal.Cast<byte, Vector<T>>(Slots[0].bytes);
        RequireEqualLengths(p.Length, g.Length, b.Length);
        var momentum = Every<T>(settings.Momentum);
        for (var i = 0; i < p.Length; i++)
        {
            b[i] = b[i] * momentum + g[i] * factor;
            p[i] -= b[i] * rate;
        }
    }

    private protected override void UpdateByTorch(Tensor parameters, Tensor gradients)
    {
        var direction = Slots.Length == 0 ? gradients : Slots[0].mul_(settings.Momentum).add_(gradients);
        parameters.add_(direction, -Rate);
    }
}
