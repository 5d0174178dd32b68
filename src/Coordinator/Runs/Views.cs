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
/// <param name="PauseAsked">The first member was asked to end the view.</param>
/// <param name="Balance">How fast members are, and whether shards should move because of it.</param>
public sealed record Views(
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
    bool PauseAsked,
    string Reason,
    Balance Balance)
{
    /// <summary>Why no view is issued after the step in hand: somebody paused the run. Null while it goes on.</summary>
    public string? Hold { get; init; }

    /// <summary>Members were told that <see cref="View"/> is over.</summary>
    public bool HaltTold { get; init; }

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
        ImmutableDictionary<NodeId, Eviction>.Empty, ImmutableDictionary<NodeId, string>.Empty, [], position, false, false, "",
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
        if (halted.View != View.Number || !IsMember(halted.Node))
            return new(this, []);

        var next = this with { Halted = Halted.SetItem(halted.Node, halted), Heard = Heard.SetItem(halted.Node, now) };
        return next.Change("the view was paused at the end of a step", now, [], tellMembers: false);
    }

    /// <summary>A member has ended the run; it waits, too, and does not end the view.</summary>
    public Outcome Finish(MemberFinished finished, TimeSpan now)
    {
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
    public Outcome Alive(NodeId node, long view, TimeSpan now) =>
        new(view == View.Number && IsMember(node) ? this with { Heard = Heard.SetItem(node, now) } : this, []);

    /// <summary>A process is gone for good: its port refuses, or it has left the cluster.</summary>
    public Outcome Gone(NodeId node, string reason, TimeSpan now)
    {
        var known = this with { Joining = Joining.RemoveAll(member => member.Node == node), Leaving = Leaving.Remove(node) };
        if (!IsMember(node))
            return new(known, []);
        List<ViewDecision> decisions = [];
        return known.Throw(node, reason, isGone: true, now, decisions).Change($"{node} {reason}", now, decisions, tellMembers: true);
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
        Hold is null ? (this with { Hold = reason, PauseAsked = false }).Settle(now, []) : new(this, []);

    /// <summary>The run goes on, with whoever is there.</summary>
    public Outcome Resume(string reason, TimeSpan now)
    {
        if (Hold is null)
            return new(this, []);
        return (this with { Hold = null, RestsAt = null, Reason = RestsAt is null ? Reason : reason }).Settle(now, []);
    }

    /// <summary>Time has passed: several times within MaxStall.</summary>
    public Outcome Tick(TimeSpan now)
    {
        if (Stage == ViewStage.InForce)
            return Settle(now, []);

        List<ViewDecision> decisions = [];
        var next = this;
        foreach (var node in Awaited.ToArray())
        {
            var silent = now - Heard.GetValueOrDefault(node, Since);
            if (silent >= (Blame.Any(blame => blame.Suspect == node && blame.View == View.Number) ? Deadlines.Confirm : Deadlines.MaxStall))
                next = next.Throw(node, $"showed no sign of life for {silent.TotalSeconds:0.0} s", isGone: false, now, decisions);
            else if (now - Since >= Deadlines.Phase)
                next = next.Throw(node, $"lives, but did not halt within {Deadlines.Phase.TotalSeconds:0} s", isGone: false, now, decisions);
        }

        // After a pause nobody was told to halt: those that are late may not know, because a sum they wait for will never be whole.
        if (now - Since >= Deadlines.Silence && next.Awaited.Where(node => !Heard.ContainsKey(node)).ToArray() is [_, ..] unheard)
            decisions.Add(new ViewDecision.Halt(unheard, Reason));
        return next.Settle(now, decisions);
    }

    private Outcome Change(string reason, TimeSpan now, List<ViewDecision> decisions, bool tellMembers)
    {
        var next = Stage == ViewStage.Changing ? this : this with { Stage = ViewStage.Changing, Since = now, Reason = reason };
        // The word of a member that has left the view may come before the suspicion because of which it did: who has not left must hear of it then.
        if (tellMembers && !next.HaltTold)
        {
            next = next with { HaltTold = true };
            decisions.Add(new ViewDecision.Halt([.. next.Awaited], reason));
        }

        return next.Settle(now, decisions);
    }

    private Views Throw(NodeId node, string reason, bool isGone, TimeSpan now, List<ViewDecision> decisions)
    {
        decisions.Add(new ViewDecision.Evict(node, reason));
        var times = Evicted.TryGetValue(node, out var before) && now - before.At < Deadlines.Forget(before.Times) ? before.Times + 1 : 1;
        return this with
        {
            Lost = Lost.SetItem(node, reason),
            Evicted = Evicted.SetItem(node, new Eviction(times, now, isGone)),
            Leaving = Leaving.Remove(node),
            Reason = $"{node} {reason}",
        };
    }

    private Outcome Settle(TimeSpan now, List<ViewDecision> decisions)
    {
        if (Stage == ViewStage.InForce)
            return AskForPause(decisions);
        if (Awaited.Any())
            return new(this, [.. decisions]);

        var next = this;
        foreach (var (node, reason) in OutOfLine().ToArray())
            next = next.Throw(node, reason, isGone: false, now, decisions);
        return next.Hold is null ? next.IssueNext(now, decisions) : next.Rest(now, decisions);
    }

    /// <summary>
    /// Paused: where the furthest has ended a step, no view is issued. Otherwise one is, in which the step is finished. Who wants to go
    /// goes, as long as one remains that holds the newest state.
    /// </summary>
    private Outcome Rest(TimeSpan now, List<ViewDecision> decisions)
    {
        var here = Halted.Values.Where(halted => !Lost.ContainsKey(halted.Node)).ToArray();
        if (here.Length == 0 || here.Max(halted => halted.Position) is var position && position % PhasesPerStep != 0)
            return IssueNext(now, decisions);

        var going = here.Where(halted => Leaving.Contains(halted.Node)).Select(halted => halted.Node).ToArray();
        if (going.Length == here.Length)
        {
            decisions.Add(new ViewDecision.StopRun($"all members leave: {string.Join(", ", going)}"));
            return new(this, [.. decisions]);
        }

        var next = this;
        if (going.Length > 0 && here.Any(halted => halted.Position == position && !going.Contains(halted.Node)))
        {
            decisions.AddRange(going.Select(node => new ViewDecision.Release(node, "left while the run was paused")));
            next = next with { Lost = Lost.SetItems(going.Select(node => KeyValuePair.Create(node, "left"))), Leaving = Leaving.Except(going) };
        }

        if (RestsAt != position)
            decisions.Add(new ViewDecision.Rest(position, Hold!));
        return new(next with { RestsAt = position }, [.. decisions]);
    }

    private Outcome AskForPause(List<ViewDecision> decisions)
    {
        // A member that has ended the run pauses nothing any more: the others are about to end it, too.
        if (PauseAsked || (Joining.IsEmpty && Leaving.IsEmpty && Hold is null && !Balance.IsWanted) || !Halted.IsEmpty)
            return new(this, [.. decisions]);

        var reason = Hold ?? string.Join("; ", new[] { ("joining: ", Joining.Select(member => member.Node)), ("leaving: ", Leaving) }
            .Where(part => part.Item2.Any()).Select(part => part.Item1 + string.Join(", ", part.Item2)).Concat(Balance.IsWanted ? ["shards go by speed"] : []));
        decisions.Add(Joining.IsEmpty && Leaving.IsSupersetOf(Members)
            ? new ViewDecision.StopRun($"all members leave: {string.Join(", ", Leaving)}")
            : new ViewDecision.Pause(View.Members[0].Node, reason, Checkpoint: Hold is not null));
        return new(this with { PauseAsked = true }, [.. decisions]);
    }

    /// <summary>Members that halted but cannot be in the next view, with the reason.</summary>
    private IEnumerable<(NodeId Node, string Reason)> OutOfLine()
    {
        var here = Halted.Values.Where(halted => !Lost.ContainsKey(halted.Node)).ToArray();
        if (here.Length == 0)
            yield break;

        // A sum needs all members, so nobody is more than one behind.
        var furthest = here.Max(halted => halted.Position);
        foreach (var halted in here.Where(halted => halted.Position < furthest - 1))
            yield return (halted.Node, $"has {halted.Position} sums where others have {furthest}");

        // Sums are the same bits everywhere; where they are not, most are right, and the first member is where there is no most.
        var sums = here.Where(halted => halted.Position == furthest && halted.SumHash != 0).ToArray();
        if (sums.Select(halted => halted.SumHash).Distinct().Count() > 1)
        {
            var right = sums.GroupBy(halted => halted.SumHash)
                .OrderByDescending(group => group.Count()).ThenBy(group => group.Min(halted => IndexOf(halted.Node))).First().Key;
            foreach (var halted in sums.Where(halted => halted.SumHash != right))
                yield return (halted.Node, $"has another sum {furthest} than the others: {halted.SumHash:x16}, not {right:x16}");
        }

        // The second view in a row that failed, this one without a step forward, and everybody alive: some link is cut.
        if (Lost.IsEmpty && FailedBefore && furthest == IssuedAt && here.Length > 1)
        {
            var blamed = Blame.Where(blame => here.Any(halted => halted.Node == blame.Suspect)).GroupBy(blame => blame.Suspect)
                .OrderByDescending(group => group.Select(blame => blame.By).Distinct().Count()).ThenByDescending(group => IndexOf(group.Key)).FirstOrDefault();
            if (blamed is not null)
                yield return (blamed.Key, $"cannot be reached by {string.Join(", ", blamed.Select(blame => blame.By).Distinct())}");
        }
    }

    private Outcome IssueNext(TimeSpan now, List<ViewDecision> decisions)
    {
        var stay = View.Members.Where(member => !Lost.ContainsKey(member.Node)).ToList();
        if (stay.Count == 0)
        {
            decisions.Add(new ViewDecision.AllLost(Reason));
            return new(this, [.. decisions]);
        }

        var position = stay.Max(member => Halted[member.Node].Position);
        var atBoundary = position % PhasesPerStep == 0;
        var joining = ImmutableArray<ViewMember>.Empty;
        if (atBoundary)
        {
            joining = Joining;
            var going = stay.Where(member => Leaving.Contains(member.Node)).ToArray();
            // Somebody has to hand the state on, and be there for it.
            if (going.Length < stay.Count)
            {
                stay.RemoveAll(member => Leaving.Contains(member.Node));
                decisions.AddRange(going.Select(member => new ViewDecision.Release(member.Node, "left at the end of a step")));
            }
        }

        // A leaving member may have been the only one at the newest sum: at a boundary all members of a pause are there.
        var holders = stay.Where(member => Halted[member.Node].Position == position).OrderBy(member => Halted[member.Node].SumHash == 0).ToArray();
        if (holders.Length == 0)
            return (this with { Leaving = [] }).IssueNext(now, [.. decisions.Where(decision => decision is not ViewDecision.Release)]);

        var reason = joining.IsEmpty ? Reason : $"{Reason}; joining: {string.Join(", ", joining.Select(member => member.Node))}";
        var view = new View(View.Number + 1, Balance.Own([.. stay, .. joining], Shards));
        if (Balance.Reason(View.Members, view.Members) is { } moved)
            reason = $"{reason}; {moved}";
        decisions.Add(new ViewDecision.Issue(
            view, position, holders[0].Node, Halted[holders[0].Node].SumHash, [.. joining.Select(member => member.Node)], reason));
        return new(
            this with
            {
                View = view,
                Stage = ViewStage.InForce,
                Since = now,
                Halted = ImmutableDictionary<NodeId, MemberHalted>.Empty,
                Heard = ImmutableDictionary<NodeId, TimeSpan>.Empty,
                Joining = atBoundary ? [] : Joining,
                Leaving = Leaving.Intersect(stay.Select(member => member.Node)),
                Lost = ImmutableDictionary<NodeId, string>.Empty,
                Blame = [.. Blame.Where(blame => blame.View == View.Number)],
                FailedBefore = Lost.IsEmpty && Blame.Any(blame => blame.View == View.Number),
                IssuedAt = position,
                PauseAsked = false,
                HaltTold = false,
                Balance = Balance.In(view),
                RestsAt = null,
            },
            [.. decisions]);
    }

    private int IndexOf(NodeId node) => Array.FindIndex(View.Members, member => member.Node == node);
}
