using System.Numerics;

namespace Ganymede.Collectives;

/// <summary>How an all-reduce goes about it. The sum is bitwise the same.</summary>
public enum Algorithm
{
    /// <summary>Whichever was measured to be the faster for so many parties and bytes (docs/performance.md).</summary>
    Auto = 0,

    /// <summary>Each party sums a range for all: two rounds and 2(N-1) messages a party, the fewest bytes.</summary>
    Direct = 1,

    /// <summary>Recursive halving and doubling: at most 2 log2 N + 2 rounds with as many messages a party. Needs <see cref="WireFormat.Exact"/>.</summary>
    Doubling = 2,
}

internal static class Algorithms
{
    /// <summary>Whether to double. A function of what all parties know alike: they must all choose the same.</summary>
    public static bool Doubles(this Algorithm algorithm, int parties, int bytes, WireFormat wire) => parties > 1 && wire == WireFormat.Exact && algorithm switch
    {
        Algorithm.Doubling => true,
        Algorithm.Auto => bytes <= LargestDoubled(parties),
        _ => false,
    };

    /// <summary>Up to how many bytes doubling was the faster, all in all, where it was measured (docs/performance.md). What makes it lose later: a party beyond a power of two sends
    /// its whole buffer once more, and no round begins before the last has ended.</summary>
    private static int LargestDoubled(int parties) => parties >= 8 && BitOperations.IsPow2(parties) ? 1 << 20 : 64 << 10;
}
