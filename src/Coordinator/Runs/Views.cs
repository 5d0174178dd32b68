using System.Collections.Immutable;
using Ganymede.Messages;

namespace Ganymede.Coordinator.Runs;

/// <summary>Whether the newest view trains, or is over and its members are on their way into the next.</summary>
public enum ViewStage
{
    InForce,
    Changing,
}

/// <summary>When and how often a node was evicted, and whether its process is known to be gone.</summary>
public sealed record Eviction(int Times, TimeSpan At, bool IsGone);

/// <summary>
/// Who trains: the numbered views of one run, one after another. Pure: what is reported goes in with the time, the next state
/// and what is to be done about it come out. <see cref="RunActor"/> holds it and carries the decisions out.
/// </summary>
/// <remarks>
/// A view is over as soon as any member of it says so, since a sum needs all of them. The next is issued when every member has
/// halted or is evicted, so two are never in force, and it continues from the furthest member. A member is evicted when its
/// process is gone, when its weights are not the others', when it shows no sign of life (a suspect for a part of MaxStall, which
/// its peers have waited for it already, anyone else for all of it), or when a view fails where it began and most blame it.
/// </remarks>
/// <param name="View">The newest one issued.</param>
/// <param name="Since">When the stage began.</param>
/// <param name="Halted">Members that have left <see cref="View"/> and wait, or have ended the run.</param>
/// <param name="Heard">When each member last showed that it lives, while the view changes.</param>
/// <param name="Joining">Nodes that are prepared and wait to be let in.</param>
/// <param name="Leaving">Members that are to go at the end of a step.</param>
/// <param name="Evicted">Nodes that were thrown out, members again or not.</param>
/// <param name="Lost">Members of <see cref="View"/> that will not be in the next one.</param>
/// <param name="Blame">Who was suspected by whom, and in which view: this one or the one before.</param>
/// <param name="IssuedAt">Position at which <see cref="View"/> began.</param>
/// <param name="FailedBefore">The view before ended by a suspicion, with nobody found dead.</param>
/// <param name="PauseAskedAt">When the first member was last asked to end the view; null if it was not.</param>
/// <param name="Balance">How fast members are, and whether shards should move because of it.</param>
public sealed partial record Views(
    StallDeadlines Deadlines,
    int Shards,
    View View,
    ViewStage Stage,
    TimeSpan Since,
    ImmutableDictionary<NodeId, MemberHalted> Halted,
    ImmutableDictionary<NodeId, TimeSpan> Heard,
    ImmutableArray<ViewMember> Joining,
    ImmutableHashSet<NodeId> Leaving,
    ImmutableDictionary<NodeId, Eviction> Evicted,
    ImmutableDictionary<NodeId, string> Lost,
    ImmutableHashSet<(NodeId Suspect, NodeId By, long View)> Blame,
    long IssuedAt,
    bool FailedBefore,
    TimeSpan? PauseAskedAt,
    string Reason,
    Balance Balance)
{
    /// <summary>Why no view is issued after the step in hand: somebody paused the run. Null while it goes on.</summary>
    public string? Hold { get; init; }

    /// <summary>Members were told that <see cref="View"/> is over.</summary>
    public bool HaltTold { get; init; }

    /// <summary>
    /// Members that said themselves that they know of the end of <see cref="View"/>. An answer to a probe is not that: the process lives, but
    /// the order may have been lost on its way, and is given again.
    /// </summary>
    public ImmutableHashSet<NodeId> Acknowledged { get; init; } = [];

    /// <summary>Members that came in with <see cref="View"/>.</summary>
    public ImmutableHashSet<NodeId> Joined { get; init; } = [];

    /// <summary>When <see cref="Tick"/> was called last; null before the first time.</summary>
    public TimeSpan? TickedAt { get; init; }

    /// <summary>Phases a step: D's updates and G's. A position that is a multiple of it is the end of a step.</summary>
    public int PhasesPerStep { get; init; } = 2;

    /// <summary>Position at which all members rest, because of <see cref="Hold"/>; null while they do not.</summary>
    public long? RestsAt { get; init; }

    /// <summary>The next state, and what is to be done.</summary>
    public readonly record struct Outcome(Views Next, ImmutableArray<ViewDecision> Decisions);

    /// <summary>The first view of a run, or the one that is found when a Coordinator takes a run over.</summary>
    public static Views Of(View view, long position, int shards, StallDeadlines deadlines, TimeSpan now, bool rebalance = true) => new(
        deadlines, shards, view, ViewStage.InForce, now,
        ImmutableDictionary<NodeId, MemberHalted>.Empty, ImmutableDictionary<NodeId, TimeSpan>.Empty, [], [],
        ImmutableDictionary<NodeId, Eviction>.Empty, ImmutableDictionary<NodeId, string>.Empty, [], position, false, null, "",
        Balance.Initial(rebalance).In(view));

    public IEnumerable<NodeId> Members => View.Members.Select(member => member.Node);

    /// <summary>Members whose word the next view waits for.</summary>
    public IEnumerable<NodeId> Awaited => Members.Where(node => !Halted.ContainsKey(node) && !Lost.ContainsKey(node));

    public bool IsMember(NodeId node) => View.Members.Any(member => member.Node == node) && !Lost.ContainsKey(node);

    public bool IsJoining(NodeId node) => Joining.Any(member => member.Node == node);

    /// <summary>Replicas for which there would be shards beside those of members and joiners.</summary>
    public int Room => Shards - View.Members.Where(member => !Lost.ContainsKey(member.Node)).Sum(member => member.Replicas) - Joining.Sum(member => member.Replicas);

    /// <summary>Whether a node may be asked to join now: one that was evicted waits longer each time, one whose process is gone never comes back.</summary>
    public bool MayJoin(NodeId node, TimeSpan now) =>
        !IsMember(node) && !IsJoining(node)
        && (!Evicted.TryGetValue(node, out var eviction) || (!eviction.IsGone && now - eviction.At >= Deadlines.BackOff(eviction.Times)));

    /// <summary>A member says that another is dead, silent or not alike. It ends the view; who has to go is seen later.</summary>
    public Outcome Suspect(PeerSuspect suspicion, TimeSpan now)
    {
        if (suspicion.View != View.Number || !IsMember(suspicion.Node))
            return new(this, []);

        var next = this with
        {
            Heard = Heard.SetItem(suspicion.Node, now),
            Acknowledged = Acknowledged.Add(suspicion.Node),
            Blame = Blame.Union(suspicion.Suspects.Select(suspect => (suspect, suspicion.Node, View.Number))),
        };
        List<ViewDecision> decisions = [];
        foreach (var suspect in suspicion.Suspects.Where(suspect => suspicion.Diverged && next.IsMember(suspect)))
            next = next.Throw(suspect, suspicion.Text, isGone: false, now, decisions);
        return next.Change(suspicion.Text, now, decisions, tellMembers: true);
    }

    /// <summary>A member has left the view and waits: because it was told to, or after a pause that all agreed on.</summary>
    public Outcome Halt(MemberHalted halted, TimeSpan now)
    {
        if (halted.View < View.Number)
            return Lacks(halted.Node, now);
        if (halted.View != View.Number || !IsMember(halted.Node))
            return new(this, []);

        var next = this with
        {
            Halted = Halted.SetItem(halted.Node, halted),
            Heard = Heard.SetItem(halted.Node, now),
            Acknowledged = Acknowledged.Add(halted.Node),
        };
        return next.Change("the view was paused at the end of a step", now, [], tellMembers: false);
    }

    /// <summary>A member has ended the run; it waits, too, and does not end the view.</summary>
    public Outcome Finish(MemberFinished finished, TimeSpan now)
    {
        if (finished.View < View.Number)
            return Lacks(finished.Node, now);
        if (finished.View != View.Number || !IsMember(finished.Node))
            return new(this, []);
        var next = this with
        {
            Halted = Halted.SetItem(finished.Node, new MemberHalted(finished.Run, finished.Node, View.Number, PhasesPerStep * finished.Step, finished.SumHash)),
            Heard = Heard.SetItem(finished.Node, now),
        };
        return Stage == ViewStage.Changing ? next.Settle(now, []) : new(next, []);
    }

    /// <summary>A member shows that it lives.</summary>
    /// <param name="byItself">It says so because it knows that the view is over; false for its process's answer to a probe.</param>
    public Outcome Alive(NodeId node, long view, TimeSpan now, bool byItself) =>
        new(view == View.Number && IsMember(node)
            ? this with { Heard = Heard.SetItem(node, now), Acknowledged = byItself ? Acknowledged.Add(node) : Acknowledged }
            : this, []);

    /// <summary>
    /// What a member says shows that it has not heard of the newest view. Shortly after that was issued its words and the view have crossed on their way;
    /// later, the view was lost.
    /// </summary>
    public Outcome Lacks(NodeId node, TimeSpan now)
    {
        if (!IsMember(node) || Halted.ContainsKey(node) || now - Since < Deadlines.Silence)
            return new(this, []);
        return new(this, [new ViewDecision.Repeat(node, $"{node} has not heard of view {View.Number}")]);
    }

    /// <summary>A member is out of the run.</summary>
    /// <param name="isGone">Its process is gone for good: its port refuses, or it has left the cluster. False where it may come again.</param>
    public Outcome Gone(NodeId node, string reason, TimeSpan now, bool isGone = true)
    {
        var known = this with { Joining = Joining.RemoveAll(member => member.Node == node), Leaving = Leaving.Remove(node) };
        if (!IsMember(node))
            return new(known, []);
        List<ViewDecision> decisions = [];
        return known.Throw(node, reason, isGone, now, decisions).Change($"{node} {reason}", now, decisions, tellMembers: true);
    }

    /// <summary>A node is prepared and can take part from the end of a step on.</summary>
    public Outcome Ready(ViewMember node, TimeSpan now)
    {
        if (!MayJoin(node.Node, now) || node.Replicas > Room)
            return new(this, []);
        return (this with { Joining = Joining.Add(node) }).Settle(now, []);
    }

    /// <summary>A member, or a node that was about to become one, wants to go after the step in hand.</summary>
    public Outcome Leave(NodeId node, TimeSpan now)
    {
        if (IsJoining(node))
            return new(this with { Joining = Joining.RemoveAll(member => member.Node == node) }, [new ViewDecision.Release(node, "left before it had joined")]);
        return IsMember(node) && !Leaving.Contains(node) ? (this with { Leaving = Leaving.Add(node) }).Settle(now, []) : new(this, []);
    }

    /// <summary>A member says how far it is, and how long its shards take.</summary>
    public Outcome Observe(ProgressReport report, TimeSpan now)
    {
        if (report.View != View.Number || report.ShardTime is not { } time || Stage != ViewStage.InForce || !IsMember(report.Node))
            return new(this, []);
        return (this with { Balance = Balance.Observe(report.Node, time, View, Shards) }).Settle(now, []);
    }

    /// <summary>The run is paused: members are held at the end of a step, however they get there and whoever of them dies meanwhile.</summary>
    public Outcome Pause(string reason, TimeSpan now) =>
        Hold is null ? (this with { Hold = reason, PauseAskedAt = null }).Settle(now, []) : new(this, []);

    /// <summary>The run goes on, with whoever is there.</summary>
    public Outcome Resume(string reason, TimeSpan now)
    {
        if (Hold is null)
            return new(this, []);
        return (this with { Hold = null, RestsAt = null, Reason = RestsAt is null ? Reason : reason }).Settle(now, []);
    }

    /// <summary>Time has passed: called every <see cref="StallDeadlines.Beat"/>.</summary>
    public Outcome Tick(TimeSpan now)
    {
        var next = CaughtUp(now);
        return next.Stage == ViewStage.InForce ? next.Settle(now, []) : next.Await(now);
    }

    /// <summary>
    /// Where the Coordinator itself stood still (stopped, starved, its disk or its host hanging), it has heard nobody meanwhile, and that says nothing of
    /// the members: this time does not count.
    /// </summary>
    private Views CaughtUp(TimeSpan now)
    {
        var late = now - (TickedAt ?? now) - Deadlines.Beat;
        if (late <= Deadlines.Beat)
            return this with { TickedAt = now };
        return this with { TickedAt = now, Since = Later(Since), Heard = Heard.ToImmutableDictionary(heard => heard.Key, heard => Later(heard.Value)) };

        TimeSpan Later(TimeSpan at) => at + late < now ? at + late : now;
    }

    private Outcome Await(TimeSpan now)
    {
        List<ViewDecision> decisions = [];
        var next = this;
        foreach (var node in Awaited.ToArray())
        {
            var heard = Heard.GetValueOrDefault(node, Since);
            var silent = now - (heard > Since ? heard : Since);
            if (silent >= (Blame.Any(blame => blame.Suspect == node && blame.View == View.Number) ? Deadlines.Confirm : Deadlines.MaxStall))
                next = next.Throw(node, $"showed no sign of life for {silent.TotalSeconds:0.0} s", isGone: false, now, decisions);
            else if (now - Since >= Deadlines.Phase)
                next = next.Throw(node, $"lives, but did not halt within {Deadlines.Phase.TotalSeconds:0} s", isGone: false, now, decisions);
        }

        // After a pause nobody was told to halt, and elsewhere the order may have been lost: who is late may wait for a sum that will never be whole.
        if (now - Since >= Deadlines.Silence && next.Awaited.Where(node => !Acknowledged.Contains(node)).ToArray() is [_, ..] unaware)
            decisions.Add(new ViewDecision.Halt(unaware, Reason));
        return next.Settle(now, decisions);
    }
}
