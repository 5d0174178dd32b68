using System.Numerics;
using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace Ganymede.Training;

/// <summary>Square of the Euclidean norm of a gradient, added in float64 in an order that no vector unit's width changes.</summary>
internal static class GradientNorm
{
    /// <param name="sum">Elements of <paramref name="type"/>.</param>
    public static double Squared(ReadOnlySpan<byte> sum, ScalarType type) => type == ScalarType.Float32
        ? Squared(MemoryMarshal.Cast<byte, float>(sum))
        : Squared(MemoryMarshal.Cast<byte, double>(sum));

    private static double Squared<T>(ReadOnlySpan<T> values) where T : INumber<T>
    {
        var (first, second, third, fourth, index) = (0.0, 0.0, 0.0, 0.0, 0);
        for (; index + 4 <= values.Length; index += 4) // four chains, as one addition waits for the one before it
        {
            var (a, b, c, d) = (double.CreateTruncating(values[index]), double.CreateTruncating(values[index + 1]), double.CreateTruncating(values[index + 2]), double.CreateTruncating(values[index + 3]));
            first += a * a;
            second += b * b;
            third += c * c;
            fourth += d * d;
        }

        for (; index < values.Length; index++)
        {
            var rest = double.CreateTruncating(values[index]);
            first += rest * rest;
        }

        return first + second + (third + fourth);
    }
}
