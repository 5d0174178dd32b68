using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace Ganymede.Training;

internal static class Finiteness
{
    /// <summary>Whether every element is a number below infinity.</summary>
    public static bool IsFinite(ReadOnlySpan<byte> values, ScalarType type) => double.IsFinite(Magnitude(values, type));

    /// <summary>The largest absolute value, and NaN as soon as one element is. One vectorised pass.</summary>
    public static double Magnitude(ReadOnlySpan<byte> values, ScalarType type) => Math.Abs(type == ScalarType.Float32
        ? TensorPrimitives.MaxMagnitude(MemoryMarshal.Cast<byte, float>(values))
        : TensorPrimitives.MaxMagnitude(MemoryMarshal.Cast<byte, double>(values)));
}
