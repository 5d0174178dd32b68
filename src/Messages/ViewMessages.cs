using MessagePack;

namespace Ganymede.Messages;

/// <summary>
/// Coordinator to every member of a view: it begins. <see cref="Position"/> counts phases whose sum is known since step 0, <see
/// cref="RunPlan.PhasesPerStep"/> a step; whoever has fewer fetches what is missing from <see cref="Source"/> and then all go on with the same phase.
/// </summary>
/// <param name="Incarnation">Of the Coordinator that issued it, rising from one to the next; a member refuses an older one.</param>
/// <param name="Position">Phases summed by the member that is furthest.</param>
/// <param name="Source">A member that is there.</param>
/// <param name="SumHash">XXH3-64 of its last sum; 0 where there is none.</param>
/// <param name="Joining">Members that need all of the state, handed over by <see cref="Source"/>; only at the end of a step.</param>
/// <param name="Reason">Why there is a new view, in words.</param>
[MessagePackObject]
public sealed record ViewIssued(
    [property: Key(0)] RunId Run,
    [property: Key(1)] View View,
    [property: Key(2)] long Incarnation,
    [property: Key(3)] long Position,
    [property: Key(4)] NodeId Source,
    [property: Key(5)] ulong SumHash,
    [property: Key(6)] NodeId[] Joining,
    [property: Key(7)] string Reason) : IClusterMessage;

/// <summary>Coordinator to every member: the view is over. Drop the sum in hand, keep your own partial sums, report where you are.</summary>
[MessagePackObject]
public sealed record HaltView(
    [property: Key(0)] RunId Run,
    [property: Key(1)] long View,
    [property: Key(2)] string Reason) : IClusterMessage;

/// <summary>Coordinator to the first member: end the view after a whole step. It tells the others in the next all-reduce.</summary>
/// <param name="Checkpoint">Write one of that step: the pause may be a long one.</param>
[MessagePackObject]
public sealed record PauseView(
    [property: Key(0)] RunId Run,
    [property: Key(1)] long View,
    [property: Key(2)] string Reason,
    [property: Key(3)] bool Checkpoint) : IClusterMessage;

/// <summary>Member to Coordinator, as soon as it is seen: this peer is dead, silent, or not alike.</summary>
/// <param name="Suspect">The peer, or several.</param>
/// <param name="Step">The step the member is in.</param>
/// <param name="Phase">Of the step, from 0; the last one is G's; -1 outside of all.</param>
/// <param name="Chunk">The chunk that was awaited; -1 for none.</param>
/// <param name="WaitedSeconds">How long nothing had come.</param>
/// <param name="Diverged">Its weights are not the others'.</param>
[MessagePackObject]
public sealed record PeerSuspect(
    [property: Key(0)] RunId Run,
    [property: Key(1)] NodeId Node,
    [property: Key(2)] long View,
    [property: Key(3)] NodeId[] Suspects,
    [property: Key(4)] long Step,
    [property: Key(5)] int Phase,
    [property: Key(6)] int Chunk,
    [property: Key(7)] double WaitedSeconds,
    [property: Key(8)] bool Diverged,
    [property: Key(9)] string Text) : IClusterMessage;

/// <summary>Member to Coordinator: the view is over for me; I wait for the next one, here.</summary>
/// <param name="Position">Phases summed, as in <see cref="ViewIssued"/>.</param>
/// <param name="SumHash">XXH3-64 of the last sum, which is served until the next view; 0 where there is none.</param>
[MessagePackObject]
public sealed record MemberHalted(
    [property: Key(0)] RunId Run,
    [property: Key(1)] NodeId Node,
    [property: Key(2)] long View,
    [property: Key(3)] long Position,
    [property: Key(4)] ulong SumHash) : IClusterMessage;

/// <summary>Member to Coordinator, several times within MaxStall while a view changes: I am there, whatever my threads do.</summary>
[MessagePackObject]
public sealed record MemberAlive(
    [property: Key(0)] RunId Run,
    [property: Key(1)] NodeId Node,
    [property: Key(2)] long View) : IClusterMessage;

/// <summary>Member to Coordinator: I was asked to end; let me go after a whole step.</summary>
[MessagePackObject]
public sealed record LeaveRun(
    [property: Key(0)] RunId Run,
    [property: Key(1)] NodeId Node,
    [property: Key(2)] string Reason) : IClusterMessage;

/// <summary>Coordinator to a node, when it takes a run over: where are you? Answered with <see cref="MemberReport"/>; reports go to whoever asked, from then on.</summary>
[MessagePackObject]
public sealed record DescribeMember(
    [property: Key(0)] RunId Run) : IClusterMessage;

/// <summary>Member to Coordinator: the newest view I know, and how far I am.</summary>
/// <param name="View">Null before the first one.</param>
/// <param name="Waits">It has left that view and waits for the next. False for one that is on its way into it.</param>
[MessagePackObject]
public sealed record MemberReport(
    [property: Key(0)] RunId Run,
    [property: Key(1)] NodeId Node,
    [property: Key(2)] View? View,
    [property: Key(3)] long Position,
    [property: Key(4)] ulong SumHash,
    [property: Key(5)] bool Waits) : IClusterMessage
{
    /// <summary>Of the Coordinator that issued the view; 0 before the first one. The next Coordinator's must be above it, whatever its clock says.</summary>
    [Key(6)]
    public long Incarnation { get; init; }
}
