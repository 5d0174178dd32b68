using System.Numerics.Tensors;
using System.Runtime.InteropServices;

namespace Ganymede.Collectives;

/// <summary>Elementwise IEEE addition on raw bytes, SIMD-wide. Bits do not depend on the width or on where a buffer is cut, as
/// every element is added by itself.</summary>
internal static class TreeSum
{
    /// <summary>target = left + right; target may be one of the two.</summary>
    public static void Add(ElementType type, ReadOnlySpan<byte> left, ReadOnlySpan<byte> right, Span<byte> target)
    {
        if (type == ElementType.Float32)
        {
            TensorPrimitives.Add(
                MemoryMarshal.Cast<byte, float>(left), MemoryMarshal.Cast<byte, float>(right), MemoryMarshal.Cast<byte, float>(target));
        }
        else
        {
            TensorPrimitives.Add(
                MemoryMarshal.Cast<byte, double>(left), MemoryMarshal.Cast<byte, double>(right), MemoryMarshal.Cast<byte, double>(target));
        }
    }
}
