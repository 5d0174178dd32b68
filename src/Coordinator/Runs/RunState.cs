using System.Collections.Immutable;
using Ganymede.Messages;

namespace Ganymede.Coordinator.Runs;

/// <summary>Where a run stands.</summary>
public enum RunPhase
{
    /// <summary>The data set is read and packed.</summary>
    Packing,

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
/// One run as the Coordinator sees it: phase, view, and what each member said last. Pure; <see cref="RunActor"/> holds it.
/// </summary>
public sealed record RunState(
    RunPhase Phase,
    View? View,
    ImmutableDictionary<NodeId, RunPrepared> Prepared,
    ImmutableDictionary<NodeId, ProgressReport> Progress,
    ImmutableDictionary<NodeId, MemberFinished> Finished)
{
    public static readonly RunState Initial = new(
        RunPhase.Packing, null, ImmutableDictionary<NodeId, RunPrepared>.Empty,
        ImmutableDictionary<NodeId, ProgressReport>.Empty, ImmutableDictionary<NodeId, MemberFinished>.Empty);

    /// <summary>Forms view 1 of the first <paramref name="wanted"/> nodes in order of their ids; null while there are too few.</summary>
    public RunState? TryForm(IReadOnlyList<RegisterNode> nodes, int wanted, int shards)
    {
        if (nodes.Count < wanted)
            return null;

        var chosen = nodes.OrderBy(node => node.Node.Value, StringComparer.Ordinal).Take(wanted).ToArray();
        return this with { Phase = RunPhase.Preparing, View = ViewOf(1, chosen, shards) };
    }

    /// <summary>
    /// Cuts the shards over the replicas of all nodes as evenly as can be, in order, and gives each node the contiguous
    /// range of its own.
    /// </summary>
    public static View ViewOf(long number, IReadOnlyList<RegisterNode> nodes, int shards)
    {
        var replicas = nodes.Sum(node => node.Devices.Length);
        var members = new ViewMember[nodes.Count];
        int seen = 0, first = 0;
        for (var i = 0; i < nodes.Count; i++)
        {
            seen += nodes[i].Devices.Length;
            var end = (int)((long)shards * seen / replicas);
            members[i] = new ViewMember(
                nodes[i].Node, nodes[i].DataHost, nodes[i].DataPort, first, end - first, nodes[i].Devices.Length);
            first = end;
        }

        return new View(number, members);
    }

    /// <summary>Why these nodes must not train together; null when they may. Another number of threads gives other bits.</summary>
    public static string? Difference(IReadOnlyList<RegisterNode> nodes) =>
        nodes.FirstOrDefault(node => node.ThreadsPerReplica != nodes[0].ThreadsPerReplica) is { } other
            ? $"{other.Node} has {other.ThreadsPerReplica} threads a replica, {nodes[0].Node} {nodes[0].ThreadsPerReplica}; the same number everywhere gives the same bits (Node:Threads)."
            : null;

    /// <summary>Takes a member's readiness in; one of another view, or of a stranger, changes nothing.</summary>
    public RunState Accept(RunPrepared prepared) =>
        Phase == RunPhase.Preparing && prepared.View == View!.Number && IsMember(prepared.Node)
            ? this with { Prepared = Prepared.SetItem(prepared.Node, prepared) }
            : this;

    public RunState Accept(ProgressReport report) =>
        Phase == RunPhase.Training && IsMember(report.Node) ? this with { Progress = Progress.SetItem(report.Node, report) } : this;

    public RunState Accept(MemberFinished finished) =>
        Phase == RunPhase.Training && IsMember(finished.Node) ? this with { Finished = Finished.SetItem(finished.Node, finished) } : this;

    public bool IsMember(NodeId node) => View is not null && View.Members.Any(member => member.Node == node);

    public bool AllPrepared => View is not null && Prepared.Count == View.Members.Length;

    public bool AllFinished => View is not null && Finished.Count == View.Members.Length;

    /// <summary>Members not heard of since they were asked to prepare.</summary>
    public IEnumerable<NodeId> Unprepared => View!.Members.Select(member => member.Node).Where(node => !Prepared.ContainsKey(node));

    /// <summary>Why these members must not train together; null when they agree bit for bit.</summary>
    public string? PreparedDifference()
    {
        var first = Prepared[View!.Members[0].Node];
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
