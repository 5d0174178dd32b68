using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Ganymede.Collectives;

/// <summary>float32 with the last 16 bits of its mantissa rounded away: to nearest, ties to even; a NaN stays one, what is too large becomes infinite.</summary>
internal static class Bfloat16
{
    private const uint MagnitudeMask = 0x7fff_ffff;
    private const uint Infinity = 0x7f80_0000;
    private const uint QuietNaN = 0x0040_0000;

    /// <param name="wide">float32, little-endian.</param>
    /// <param name="narrow">Receives half as many bytes. Must not overlap.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Narrow(ReadOnlySpan<byte> wide, Span<byte> narrow)
    {
        var from = MemoryMarshal.Cast<byte, uint>(wide);
        var to = MemoryMarshal.Cast<byte, ushort>(narrow);
        ref var source = ref MemoryMarshal.GetReference(from);
        ref var target = ref MemoryMarshal.GetReference(to);
        nuint i = 0;
        for (var vectors = (nuint)from.Length / 16 * 16; i < vectors; i += 16)
        {
            Vector256.Narrow(Round(Vector256.LoadUnsafe(ref source, i)), Round(Vector256.LoadUnsafe(ref source, i + 8))).StoreUnsafe(ref target, i);
        }

        for (; i < (nuint)from.Length; i++)
        {
            to[(int)i] = (ushort)Round(Vector256.CreateScalar(from[(int)i]))[0];
        }
    }

    /// <param name="narrow">May be the last half of <paramref name="wide"/>.</param>
    /// <param name="wide">Receives twice as many bytes.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Widen(ReadOnlySpan<byte> narrow, Span<byte> wide)
    {
        var from = MemoryMarshal.Cast<byte, ushort>(narrow);
        var to = MemoryMarshal.Cast<byte, uint>(wide);
        ref var source = ref MemoryMarshal.GetReference(from);
        ref var target = ref MemoryMarshal.GetReference(to);
        nuint i = 0;
        // In one memory the end of what is written must not pass the beginning of what is still to be read: the last 16 go one by one.
        for (; i + 32 <= (nuint)from.Length; i += 16)
        {
            var (low, high) = Vector256.Widen(Vector256.LoadUnsafe(ref source, i));
            (low << 16).StoreUnsafe(ref target, i);
            (high << 16).StoreUnsafe(ref target, i + 8);
        }

        for (; i < (nuint)from.Length; i++)
        {
            to[(int)i] = (uint)from[(int)i] << 16;
        }
    }

    private static Vector256<uint> Round(Vector256<uint> bits)
    {
        var isNaN = Vector256.GreaterThan((bits & Vector256.Create(MagnitudeMask)).AsInt32(), Vector256.Create((int)Infinity)).AsUInt32();
        var rounded = (bits + Vector256.Create(0x7fffu) + ((bits >> 16) & Vector256<uint>.One)) >> 16;
        return Vector256.ConditionalSelect(isNaN, (bits | Vector256.Create(QuietNaN)) >> 16, rounded);
    }
}
