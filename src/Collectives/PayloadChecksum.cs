using System.IO.Hashing;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Ganymede.Collectives;

/// <summary>
/// Fletcher's checksum (1982) of 32-bit words in 16 lanes, mixed by XXH3: faster than XXH3 over everything, which was a sixth of an all-reduce's work. Its sums have 64 bits,
/// so that no bit of a word falls off their end: any change of one or two words is found, and of the length; with sums of 32 bits two flipped top bits were not. TCP has its own
/// checksum below: this one is for what goes wrong above it. Hostile bytes it does not keep out.
/// </summary>
internal static class PayloadChecksum
{
    private const int BlockBytes = 64;

    public static ulong Of(ReadOnlySpan<byte> payload)
    {
        Span<Vector256<ulong>> sums = stackalloc Vector256<ulong>[8];
        var whole = payload[..(payload.Length / BlockBytes * BlockBytes)];
        sums.Clear();
        Add(whole, sums);
        Span<byte> last = stackalloc byte[BlockBytes];
        last.Clear();
        payload[whole.Length..].CopyTo(last);
        Add(last, sums);
        return XxHash3.HashToUInt64(MemoryMarshal.AsBytes(sums), payload.Length);
    }

    // Optimized from its first call on: it is called rarely, and runs long. Apart, as the compiler keeps the sums in registers only where nothing else is called.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Add(ReadOnlySpan<byte> blocks, Span<Vector256<ulong>> sums)
    {
        ref var start = ref MemoryMarshal.GetReference(blocks);
        var lowHalves = Vector256.Create((ulong)uint.MaxValue);
        var (a, b, c, d) = (sums[0], sums[1], sums[2], sums[3]);
        var (aSum, bSum, cSum, dSum) = (sums[4], sums[5], sums[6], sums[7]);
        for (nuint at = 0; at < (nuint)blocks.Length; at += BlockBytes)
        {
            var first = Vector256.LoadUnsafe(ref start, at).AsUInt64();
            var second = Vector256.LoadUnsafe(ref start, at + BlockBytes / 2).AsUInt64();
            a += first & lowHalves;
            b += first >>> 32;
            c += second & lowHalves;
            d += second >>> 32;
            aSum += a;
            bSum += b;
            cSum += c;
            dSum += d;
        }

        (sums[0], sums[1], sums[2], sums[3]) = (a, b, c, d);
        (sums[4], sums[5], sums[6], sums[7]) = (aSum, bSum, cSum, dSum);
    }
}
