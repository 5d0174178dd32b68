using System.Numerics;

namespace Ganymede.Collectives;

/// <summary>Which member computes which shards.</summary>
public static class ShardAssignment
{
    /// <summary>Contiguous ranges in member order whose sizes differ by at most one, the larger ones first. With more members than
    /// shards the last members own none.</summary>
    /// <param name="shards">V, a power of two.</param>
    /// <param name="members">At least 1.</param>
    public static ShardRange[] Even(int shards, int members)
    {
        RequirePowerOfTwo(shards);
        return Even(new ShardRange(0, shards), members);
    }

    /// <summary>The same of one member's own shards, any number of them, over its replicas.</summary>
    public static ShardRange[] Even(ShardRange owned, int members)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(members, 1);
        var ranges = new ShardRange[members];
        var first = owned.First;
        for (var member = 0; member < members; member++)
        {
            var count = owned.Count / members + (member < owned.Count % members ? 1 : 0);
            ranges[member] = new ShardRange(first, count);
            first += count;
        }

        return ranges;
    }

    internal static void RequirePowerOfTwo(int shards)
    {
        if (shards < 1 || !BitOperations.IsPow2(shards))
        {
            throw new ArgumentOutOfRangeException(nameof(shards), shards, "the number of shards must be a power of two");
        }
    }

    /// <summary>Every shard has exactly one owner; the ranges may come in any order.</summary>
    internal static void RequirePartition(int shards, IEnumerable<ShardRange> ranges)
    {
        RequirePowerOfTwo(shards);
        var next = 0;
        foreach (var range in ranges.Where(range => range.Count != 0).OrderBy(range => range.First))
        {
            if (range.Count < 0 || range.First != next)
            {
                throw new ArgumentException(
                    $"shards {range.First}..{range.End} do not follow shard {next}: every one of the {shards} shards needs exactly one owner");
            }

            next = range.End;
        }

        if (next != shards)
        {
            throw new ArgumentException($"shards {next}..{shards} have no owner");
        }
    }
}
