using System.Runtime.CompilerServices;

namespace Ganymede.Datasets;

/// <summary>Four 32-bit words: a Philox counter, or the random block made from it.</summary>
public readonly record struct PhiloxBlock(uint X0, uint X1, uint X2, uint X3);

/// <summary>
/// Philox4x32-10: a keyed bijection of 128-bit counters whose outputs pass BigCrush (Salmon, Moraes, Dror and Shaw,
/// "Parallel random numbers: as easy as 1, 2, 3", SC 2011). Integer arithmetic only, so the same on every machine.
/// </summary>
public static class Philox
{
    private const int Rounds = 10;
    private const uint Multiplier0 = 0xD2511F53;
    private const uint Multiplier1 = 0xCD9E8D57;
    private const uint Weyl0 = 0x9E3779B9; // the golden ratio's fraction
    private const uint Weyl1 = 0xBB67AE85; // that of the square root of three

    /// <summary>The random block of <paramref name="counter"/> under the 64-bit key (low word, high word).</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static PhiloxBlock Block(PhiloxBlock counter, uint keyLow, uint keyHigh)
    {
        var (c0, c1, c2, c3) = counter;
        for (var round = 0; round < Rounds; round++)
        {
            var product0 = (ulong)Multiplier0 * c0;
            var product1 = (ulong)Multiplier1 * c2;
            c0 = (uint)(product1 >> 32) ^ c1 ^ keyLow;
            c1 = (uint)product1;
            c2 = (uint)(product0 >> 32) ^ c3 ^ keyHigh;
            c3 = (uint)product0;
            keyLow += Weyl0;
            keyHigh += Weyl1;
        }

        return new PhiloxBlock(c0, c1, c2, c3);
    }
}
