using System.Diagnostics.CodeAnalysis;

namespace Ganymede.Collectives;

/// <summary>What the bytes of a buffer are: little-endian IEEE 754 numbers. The values are the ones on the wire.</summary>
[SuppressMessage("Naming", "CA1720:Identifier contains type name", Justification = "these are the field's names of the types")]
public enum ElementType : byte
{
    Float32 = 1,
    Float64 = 2,
}

public static class ElementTypes
{
    /// <summary>Bytes of one element: 4 or 8.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not a known element type.</exception>
    public static int Size(this ElementType type) => type switch
    {
        ElementType.Float32 => sizeof(float),
        ElementType.Float64 => sizeof(double),
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, "unknown element type"),
    };
}
