using System.Collections.Immutable;
using Ganymede.Messages;

namespace Ganymede.Coordinator.Runs;

/// <summary>Where a run stands.</summary>
public enum RunPhase
{
    /// <summary>The data set is read and packed.</summary>
    Packing,

    /// <summary>Another Coordinator began it; its members are asked where they are.</summary>
    TakingOver,

    /// <summary>Waiting for enough nodes to register.</summary>
    Gathering,

    /// <summary>Members fetch the data and build their replicas.</summary>
    Preparing,

    /// <summary>Members train; nothing is asked of the Coordinator.</summary>
    Training,

    /// <summary>It ended, well or not.</summary>
    Over,
}

/// <summary>
/// One run as the Coordinator sees it: phase, who was chosen for it, and what each said last. Pure; <see cref="RunActor"/> holds it.
/// Who trains is decided in <see cref="Views"/>.
/// </summary>
/// <param name="Chosen">Nodes that prepare for the first view.</param>
/// <param name="View">The newest view; null before the first.</param>
public sealed record RunState(
    RunPhase Phase,
    ImmutableArray<ViewMember> Chosen,
    View? View,
    ImmutableDictionary<NodeId, RunPrepared> Prepared,
    ImmutableDictionary<NodeId, ProgressReport> Progress,
    ImmutableDictionary<NodeId, MemberFinished> Finished)
{
    public static readonly RunState Initial = new(
        RunPhase.Packing, [], null, ImmutableDictionary<NodeId, RunPrepared>.Empty,
        ImmutableDictionary<NodeId, ProgressReport>.Empty, ImmutableDictionary<NodeId, MemberFinished>.Empty);

    /// <summary>Chooses the first <paramref name="wanted"/> nodes in order of their ids; null while there are too few.</summary>
    public RunState? TryChoose(IReadOnlyList<RegisterNode> nodes, int wanted) => nodes.Count < wanted
        ? null
        : this with
        {
            Phase = RunPhase.Preparing,
            Chosen = [.. nodes.OrderBy(node => node.Node.Value, StringComparer.Ordinal).Take(wanted).Select(ShardOwnership.Member)],
            Prepared = ImmutableDictionary<NodeId, RunPrepared>.Empty,
        };

    /// <summary>Why these nodes must not train together; null when they may. Another number of threads gives other bits.</summary>
    public static string? Difference(IReadOnlyList<RegisterNode> nodes) =>
        nodes.FirstOrDefault(node => node.ThreadsPerReplica != nodes[0].ThreadsPerReplica) is { } other
            ? $"{other.Node} has {other.ThreadsPerReplica} threads a replica, {nodes[0].Node} {nodes[0].ThreadsPerReplica}; the same number everywhere gives the same bits (Node:Threads)."
            : null;

    /// <summary>Takes a node's readiness in; a stranger's changes nothing.</summary>
    public RunState Accept(RunPrepared prepared) =>
        Phase == RunPhase.Preparing && IsChosen(prepared.Node) ? this with { Prepared = Prepared.SetItem(prepared.Node, prepared) } : this;

    public RunState Accept(ProgressReport report) =>
        Phase == RunPhase.Training && IsMember(report.Node) ? this with { Progress = Progress.SetItem(report.Node, report) } : this;

    /// <summary>Takes a member's end in; one from an older view is said again in the newest.</summary>
    public RunState Accept(MemberFinished finished) =>
        Phase == RunPhase.Training && IsMember(finished.Node) && finished.View == View!.Number
            ? this with { Finished = Finished.SetItem(finished.Node, finished) }
            : this;

    /// <summary>A node that dies before the first view is done without.</summary>
    public RunState WithoutChosen(NodeId node) =>
        this with { Chosen = Chosen.RemoveAll(member => member.Node == node), Prepared = Prepared.Remove(node) };

    /// <summary>The newest view takes effect.</summary>
    public RunState In(View view) => this with
    {
        Phase = RunPhase.Training,
        View = view,
        Progress = Progress.RemoveRange(Progress.Keys.Where(node => view.Members.All(member => member.Node != node))),
        Finished = ImmutableDictionary<NodeId, MemberFinished>.Empty,
    };

    public bool IsChosen(NodeId node) => Chosen.Any(member => member.Node == node);

    public bool IsMember(NodeId node) => View is not null && View.Members.Any(member => member.Node == node);

    public bool AllPrepared => !Chosen.IsEmpty && Prepared.Count == Chosen.Length;

    public bool AllFinished => View is not null && Finished.Count == View.Members.Length;

    /// <summary>Nodes not heard of since they were asked to prepare.</summary>
    public IEnumerable<ViewMember> Unprepared => Chosen.Where(member => !Prepared.ContainsKey(member.Node));

    /// <summary>Why these nodes must not train together; null when they agree bit for bit.</summary>
    public string? PreparedDifference()
    {
        var first = Prepared[Chosen[0].Node];
        return Prepared.Values.FirstOrDefault(other => other.FirstStep != first.FirstStep) is { } late
            ? $"{late.Node} would continue from step {late.FirstStep}, {first.Node} from step {first.FirstStep}."
            : Prepared.Values.FirstOrDefault(other => other.Fingerprint != first.Fingerprint) is { } different
                ? $"{different.Node} starts with other weights than {first.Node}: {different.Fingerprint:x16} and {first.Fingerprint:x16}."
                : null;
    }

    /// <summary>The same for the end of the run.</summary>
    public string? FinishedDifference()
    {
        var first = Finished[View!.Members[0].Node];
        return Finished.Values.FirstOrDefault(other => other.WeightsSha256 != first.WeightsSha256 || other.Step != first.Step) is { } different
            ? $"{different.Node} ended at step {different.Step} with weights {different.WeightsSha256}, {first.Node} at step {first.Step} with {first.WeightsSha256}."
            : null;
    }
}
