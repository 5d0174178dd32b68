using System.Numerics;
using Ganymede.Messages;

namespace Ganymede.Coordinator.Runs;

/// <summary>Which member owns which shards: contiguous ranges in the order of the members. Pure functions.</summary>
public static class ShardOwnership
{
    /// <summary>
    /// Cuts the shards over the replicas of all members as evenly as can be, in order, and gives each member the contiguous
    /// range of its own.
    /// </summary>
    /// <param name="members">At least one, with no more replicas together than shards; what shards they own so far is ignored.</param>
    /// <param name="shards">V.</param>
    public static ViewMember[] Even(IReadOnlyList<ViewMember> members, int shards)
    {
        var replicas = members.Sum(member => member.Replicas);
        var owning = new ViewMember[members.Count];
        int seen = 0, first = 0;
        for (var i = 0; i < members.Count; i++)
        {
            seen += members[i].Replicas;
            var end = (int)((long)shards * seen / replicas);
            owning[i] = members[i] with { FirstShard = first, ShardCount = end - first };
            first = end;
        }

        return owning;
    }

    /// <summary>
    /// The ranges with which the slowest member is done soonest (see <see cref="Seconds"/>), each replica having a shard at least. Of ranges that are
    /// about as well balanced and no later, those that make the fewest subtrees of the canonical tree, each of which is a piece of
    /// every all-reduce; of these, those for which the fewest shards change hands.
    /// </summary>
    /// <param name="members">As for <see cref="Even"/>; what they own so far is kept where it costs nothing.</param>
    /// <param name="shards">V.</param>
    /// <param name="secondsPerShard">For each member, above 0 and finite.</param>
    public static ViewMember[] BySpeed(IReadOnlyList<ViewMember> members, int shards, IReadOnlyList<double> secondsPerShard)
    {
        var counts = Balanced(members, shards, secondsPerShard);
        var latest = Enumerable.Range(0, counts.Length).Max(i => Seconds(counts[i], members[i].Replicas, secondsPerShard[i]));

        // By member and end of its range: the least cost of all up to there, and the shards of the member with which it is had.
        var best = new long[shards + 1];
        Array.Fill(best, long.MaxValue);
        best[0] = 0;
        var choice = new int[counts.Length, shards + 1];
        for (var i = 0; i < counts.Length; i++)
        {
            var member = members[i];
            var leeway = Math.Max(1, counts[i] / 4);
            var next = new long[shards + 1];
            Array.Fill(next, long.MaxValue);
            for (var count = Math.Max(member.Replicas, counts[i] - leeway); count <= counts[i] + leeway; count++)
            {
                if (Seconds(count, member.Replicas, secondsPerShard[i]) > latest)
                    break;
                for (var first = 0; first + count <= shards; first++)
                {
                    if (best[first] == long.MaxValue)
                        continue;
                    var moved = count - Math.Max(0, Math.Min(first + count, member.FirstShard + member.ShardCount) - Math.Max(first, member.FirstShard));
                    var cost = best[first] + ((long)Subtrees(first, count) * (shards + 1)) + moved;
                    if (cost < next[first + count])
                        (next[first + count], choice[i, first + count]) = (cost, count);
                }
            }

            best = next;
        }

        var owning = new ViewMember[counts.Length];
        for (var (i, end) = (counts.Length - 1, shards); i >= 0; i--)
        {
            var count = choice[i, end];
            owning[i] = members[i] with { FirstShard = end - count, ShardCount = count };
            end -= count;
        }

        return owning;
    }

    /// <summary>How long the slowest computes its shards: its replicas share them, and the fullest of them takes longest.</summary>
    /// <param name="members">With the shards they own.</param>
    /// <param name="secondsPerShard">For each of them.</param>
    public static double Seconds(IReadOnlyList<ViewMember> members, IReadOnlyList<double> secondsPerShard) =>
        Enumerable.Range(0, members.Count).Max(i => Seconds(members[i].ShardCount, members[i].Replicas, secondsPerShard[i]));

    /// <summary>A node as a member that owns nothing yet.</summary>
    public static ViewMember Member(RegisterNode node) => new(node.Node, node.DataHost, node.DataPort, 0, 0, node.Devices.Length);

    private static double Seconds(int count, int replicas, double secondsPerShard) => (count + replicas - 1) / replicas * secondsPerShard;

    /// <summary>One shard after another to whoever is done with it soonest. For equal pieces of work that makes the end as early as can be.</summary>
    private static int[] Balanced(IReadOnlyList<ViewMember> members, int shards, IReadOnlyList<double> secondsPerShard)
    {
        var counts = members.Select(member => member.Replicas).ToArray();
        var soonest = new PriorityQueue<int, (double Seconds, int Member)>();
        for (var i = 0; i < counts.Length; i++)
            soonest.Enqueue(i, (Seconds(counts[i] + 1, members[i].Replicas, secondsPerShard[i]), i));
        for (var left = shards - counts.Sum(); left > 0; left--)
        {
            var i = soonest.Dequeue();
            counts[i]++;
            soonest.Enqueue(i, (Seconds(counts[i] + 1, members[i].Replicas, secondsPerShard[i]), i));
        }

        return counts;
    }

    /// <summary>Complete subtrees that cover a range exactly: as <see cref="Collectives.Subtree.Cover"/>, without making them.</summary>
    private static int Subtrees(int first, int count)
    {
        var number = 0;
        for (var end = first + count; first < end; number++)
            first += 1 << Math.Min(first == 0 ? int.MaxValue : BitOperations.TrailingZeroCount(first), BitOperations.Log2((uint)(end - first)));

        return number;
    }
}
