using Ganymede.Messages;

namespace Ganymede.Coordinator.Runs;

/// <summary>What <see cref="Views"/> decided; <see cref="RunActor"/> carries it out. Each decision has its reason.</summary>
public abstract record ViewDecision(string Reason)
{
    /// <summary>Tell these members that their view is over.</summary>
    public sealed record Halt(IReadOnlyList<NodeId> Members, string Reason) : ViewDecision(Reason);

    /// <summary>Have the first member end the view after a whole step.</summary>
    public sealed record Pause(NodeId Lead, string Reason, bool Checkpoint) : ViewDecision(Reason);

    /// <summary>The run is paused, and all members have come to the end of the step.</summary>
    public sealed record Rest(long Position, string Reason) : ViewDecision(Reason);

    /// <summary>This node is out of the run; if it lives, it is to drop it.</summary>
    public sealed record Evict(NodeId Node, string Reason) : ViewDecision(Reason);

    /// <summary>This node finished its step and may go.</summary>
    public sealed record Release(NodeId Node, string Reason) : ViewDecision(Reason);

    /// <summary>Tell the members of this view to go on from this position.</summary>
    public sealed record Issue(View View, long Position, NodeId Source, ulong SumHash, IReadOnlyList<NodeId> Joining, string Reason) : ViewDecision(Reason);

    /// <summary>Tell this member of the newest view once more.</summary>
    public sealed record Repeat(NodeId Node, string Reason) : ViewDecision(Reason);

    /// <summary>All members want to leave: end the run after the step in hand, with a checkpoint.</summary>
    public sealed record StopRun(string Reason) : ViewDecision(Reason);

    /// <summary>No member is left; what they knew is in the newest checkpoint.</summary>
    public sealed record AllLost(string Reason) : ViewDecision(Reason);
}
