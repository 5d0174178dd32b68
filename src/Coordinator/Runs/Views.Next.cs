using System.Collections.Immutable;
using Ganymede.Messages;

namespace Ganymede.Coordinator.Runs;

/// <summary>How one view follows another: who has to go, when all have halted, and what the next one is.</summary>
public sealed partial record Views
{
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
            return AskForPause(now, decisions);
        if (Awaited.Any())
            return new(this, [.. decisions]);

        var next = LetWait();
        foreach (var (node, reason) in next.OutOfLine().ToArray())
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

    /// <summary>Again after MaxStall: the order may have been lost, and whoever has it takes no notice.</summary>
    private Outcome AskForPause(TimeSpan now, List<ViewDecision> decisions)
    {
        // A member that has ended the run pauses nothing any more: the others are about to end it, too.
        if (now - PauseAskedAt < Deadlines.MaxStall || (Joining.IsEmpty && Leaving.IsEmpty && Hold is null && !Balance.IsWanted) || !Halted.IsEmpty)
            return new(this, [.. decisions]);

        var reason = Hold ?? string.Join("; ", new[] { ("joining: ", Joining.Select(member => member.Node)), ("leaving: ", Leaving) }
            .Where(part => part.Item2.Any()).Select(part => part.Item1 + string.Join(", ", part.Item2)).Concat(Balance.IsWanted ? ["shards go by speed"] : []));
        decisions.Add(Joining.IsEmpty && Leaving.IsSupersetOf(Members)
            ? new ViewDecision.StopRun($"all members leave: {string.Join(", ", Leaving)}")
            : new ViewDecision.Pause(View.Members[0].Node, reason, Checkpoint: Hold is not null));
        return new(this with { PauseAskedAt = now }, [.. decisions]);
    }

    /// <summary>
    /// Newcomers whose source died before they had its state wait to be let in again, which is in the next view: they are not to blame. Where
    /// nobody died, the newcomer could not be served, and is out of line.
    /// </summary>
    private Views LetWait()
    {
        var without = Lost.IsEmpty ? [] : View.Members.Where(member => Joined.Contains(member.Node) && !Lost.ContainsKey(member.Node) && Halted[member.Node].Position < IssuedAt).ToArray();
        return this with
        {
            Joining = Joining.AddRange(without),
            Lost = Lost.SetItems(without.Select(member => KeyValuePair.Create(member.Node, "waits for the state"))),
        };
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
                PauseAskedAt = null,
                HaltTold = false,
                Acknowledged = [],
                Joined = [.. joining.Select(member => member.Node)],
                Balance = Balance.In(view),
                RestsAt = null,
            },
            [.. decisions]);
    }

    private int IndexOf(NodeId node) => Array.FindIndex(View.Members, member => member.Node == node);
}
