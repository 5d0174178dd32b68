using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace Ganymede.Training;

internal static class Finiteness
{
    /// <summary>
    /// Whether every element is a number below infinity. One vectorised pass: the largest magnitude is NaN as soon as
    /// one element is.
    /// </summary>
    public static bool IsFinite(ReadOnlySpan<byte> values, ScalarType type) => type == ScalarType.Float32
        ? float.IsFinite(TensorPrimitives.MaxMagnitude(MemoryMarshal.Cast<byte, float>(values)))
        : double.IsFinite(TensorPrimitives.MaxMagnitude(MemoryMarshal.Cast<byte, double>(values)));
}
