using Ganymede.Messages;

namespace Ganymede.Coordinator.Runs;

/// <summary>Which member owns which shards: contiguous ranges in the order of the members. A pure function.</summary>
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

    /// <summary>A node as a member that owns nothing yet.</summary>
    public static ViewMember Member(RegisterNode node) => new(node.Node, node.DataHost, node.DataPort, 0, 0, node.Devices.Length);
}
