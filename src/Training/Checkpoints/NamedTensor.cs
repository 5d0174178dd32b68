namespace Ganymede.Training;

/// <summary>Element types that checkpoints hold, under their safetensors names.</summary>
public enum TensorType { F32, F64, I64, U8 }

/// <summary>A tensor without Torch: what a checkpoint stores and another member receives.</summary>
/// <param name="Name">As in the <c>state_dict</c>, plus a prefix for optimizer state.</param>
/// <param name="Shape">Sizes, outermost first; empty for a scalar.</param>
/// <param name="Data">Row-major, little-endian: exactly the elements of the shape.</param>
public sealed record NamedTensor(string Name, TensorType Type, IReadOnlyList<long> Shape, ReadOnlyMemory<byte> Data)
{
    public static int SizeOf(TensorType type) => type switch
    {
        TensorType.F32 => 4,
        TensorType.F64 or TensorType.I64 => 8,
        TensorType.U8 => 1,
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, null),
    };
}
