using System.Numerics;

namespace Ganymede.Collectives;

/// <summary>Contiguous shards [First, First + Count); Count may be 0.</summary>
public readonly record struct ShardRange(int First, int Count)
{
    /// <summary>One past the last shard.</summary>
    public int End => First + Count;
}

/// <summary>
/// A node of the canonical binary tree over V shards (V a power of two). Level 0 is a shard; node (l, i) is the elementwise
/// IEEE sum of (l-1, 2i) and (l-1, 2i+1), in this order; the root (log2 V, 0) is the sum over all shards. It covers the shards
/// [Index &lt;&lt; Level, (Index + 1) &lt;&lt; Level).
/// </summary>
public readonly record struct Subtree(int Level, int Index)
{
    public ShardRange Shards => new(Index << Level, 1 << Level);

    public Subtree Parent => new(Level + 1, Index >> 1);

    /// <summary>Whether this node and <paramref name="right"/> are the two children of one parent, this one the left.</summary>
    public bool IsLeftSiblingOf(Subtree right) =>
        Level == right.Level && (Index & 1) == 0 && right.Index == Index + 1;

    /// <summary>The node's number in a tree over <paramref name="shards"/> shards, counted as in a heap: the root is 1, the
    /// children of n are 2n and 2n+1.</summary>
    public int HeapNumber(int shards) => (shards >> Level) + Index;

    /// <summary>The fewest nodes that cover <paramref name="range"/> exactly, in ascending order: its maximal complete subtrees.
    /// Empty for an empty range.</summary>
    /// <param name="range">Shards within [0, <paramref name="shards"/>).</param>
    /// <param name="shards">V, a power of two.</param>
    public static Subtree[] Cover(ShardRange range, int shards)
    {
        ShardAssignment.RequirePowerOfTwo(shards);
        if (range.First < 0 || range.Count < 0 || range.Count > shards - range.First)
        {
            throw new ArgumentOutOfRangeException(nameof(range), range, $"not within the {shards} shards");
        }

        var cover = new List<Subtree>();
        for (var first = range.First; first < range.End;)
        {
            var aligned = first == 0 ? BitOperations.Log2((uint)shards) : BitOperations.TrailingZeroCount(first);
            var level = Math.Min(aligned, BitOperations.Log2((uint)(range.End - first)));
            cover.Add(new Subtree(level, first >> level));
            first += 1 << level;
        }

        return [.. cover];
    }
}
