using System.Collections.Immutable;
using System.Globalization;
using Ganymede.Messages;

namespace Ganymede.Coordinator.Runs;

/// <summary>
/// How long each member takes for a shard, and whether shards should therefore change hands. Pure. Members report on their own; a round is
/// over when each has computed something since the round before. Shards move when the ownership that the last <see cref="Rounds"/> rounds
/// suggest would have saved <see cref="LeastGain"/> of the slowest member's time in every one of them: a pause of one process, or the noise of
/// a busy machine, moves nothing.
/// </summary>
/// <param name="IsOn">Off, shards are owned evenly whatever the speed.</param>
/// <param name="Newest">What each member last reported of this view, since its beginning.</param>
/// <param name="Counted">The same at the end of the last round.</param>
/// <param name="Due">Members that the round waits for.</param>
/// <param name="Seen">Seconds a shard in the last rounds of this view.</param>
/// <param name="Known">Seconds a shard of every node that was ever seen for so many rounds, as of then.</param>
/// <param name="IsWanted">Shards should move.</param>
public sealed record Balance(
    bool IsOn,
    ImmutableDictionary<NodeId, ShardTime> Newest,
    ImmutableDictionary<NodeId, ShardTime> Counted,
    ImmutableHashSet<NodeId> Due,
    ImmutableArray<ImmutableDictionary<NodeId, double>> Seen,
    ImmutableDictionary<NodeId, double> Known,
    bool IsWanted)
{
    /// <summary>Rounds of reports that must agree.</summary>
    public const int Rounds = 3;

    /// <summary>Part of the slowest member's time a shift must save.</summary>
    public const double LeastGain = 0.1;

    /// <summary>Members whose speeds differ by less are called equally fast.</summary>
    private const double Alike = 1.2;

    private const int CountsSaid = 12;

    /// <summary>Nothing is known yet.</summary>
    public static Balance Initial(bool isOn) => new(
        isOn, ImmutableDictionary<NodeId, ShardTime>.Empty, ImmutableDictionary<NodeId, ShardTime>.Empty, [], [],
        ImmutableDictionary<NodeId, double>.Empty, IsWanted: false);

    /// <summary>A view begins: its members are measured anew.</summary>
    public Balance In(View view) => this with
    {
        Newest = ImmutableDictionary<NodeId, ShardTime>.Empty,
        Counted = ImmutableDictionary<NodeId, ShardTime>.Empty,
        Due = IsOn && view.Members.Length > 1 ? [.. view.Members.Select(member => member.Node)] : [],
        Seen = [],
        IsWanted = false,
    };

    /// <summary>A member's report of the time its shards took in this view so far. What makes no sense is passed over.</summary>
    public Balance Observe(NodeId node, ShardTime time, View view, int shards)
    {
        var before = Counted.GetValueOrDefault(node) ?? new ShardTime(0, 0);
        if (Due.IsEmpty || time.Shards <= before.Shards || !double.IsFinite(time.Seconds) || time.Seconds <= before.Seconds)
            return this;

        var next = this with { Newest = Newest.SetItem(node, time), Due = Due.Remove(node) };
        return next.Due.IsEmpty ? next.EndRound(view, shards) : next;
    }

    /// <summary>
    /// The ownership these members should have: even, unless going by their speed saves enough. One whose speed is not known is taken
    /// to be as fast as the others are in the mean.
    /// </summary>
    /// <param name="members">As for <see cref="ShardOwnership.Even"/>.</param>
    /// <param name="shards">V.</param>
    public ViewMember[] Own(IReadOnlyList<ViewMember> members, int shards)
    {
        var even = ShardOwnership.Even(members, shards);
        if (!IsOn || !members.Any(member => Known.ContainsKey(member.Node)))
            return even;

        var mean = members.Where(member => Known.ContainsKey(member.Node)).Average(member => Known[member.Node]);
        var pace = members.Select(member => Known.GetValueOrDefault(member.Node, mean)).ToArray();
        var bySpeed = ShardOwnership.BySpeed(members, shards, pace);
        return Saves(bySpeed, even, pace) ? bySpeed : even;
    }

    /// <summary>Why shards move from one ownership to the other, in words; null where speed has no part in it.</summary>
    public string? Reason(IReadOnlyList<ViewMember> before, IReadOnlyList<ViewMember> after)
    {
        var known = after.Where(member => Known.ContainsKey(member.Node)).OrderByDescending(member => Known[member.Node]).ToArray();
        if (!IsOn || known.Length < 2 || (!IsWanted && Counts(after) == Counts(ShardOwnership.Even(after, after.Sum(member => member.ShardCount)))))
            return null;

        var (slow, fast) = (known[0], known[^1]);
        var (most, least) = (Known[slow.Node], Known[fast.Node]);
        var speeds = most >= Alike * least
            ? string.Create(CultureInfo.InvariantCulture, $"{slow.Node} takes {most / least:0.0} times as long for a shard as {fast.Node}, {1e3 * most:0.#} ms")
            : string.Create(CultureInfo.InvariantCulture, $"a shard takes {1e3 * least:0.#} to {1e3 * most:0.#} ms everywhere");
        return $"{speeds}: {Counts(before)} → {Counts(after)} shards";
    }

    private Balance EndRound(View view, int shards)
    {
        var pace = view.Members.ToImmutableDictionary(member => member.Node, member =>
        {
            var (to, from) = (Newest[member.Node], Counted.GetValueOrDefault(member.Node) ?? new ShardTime(0, 0));
            return (to.Seconds - from.Seconds) / (to.Shards - from.Shards);
        });
        var next = this with
        {
            Counted = Newest,
            Due = [.. view.Members.Select(member => member.Node)],
            Seen = [.. Seen.Add(pace).TakeLast(Rounds)],
        };
        if (next.Seen.Length < Rounds)
            return next;

        next = next with { Known = Known.SetItems(view.Members.Select(member => KeyValuePair.Create(member.Node, next.Seen.Average(round => round[member.Node])))) };
        var wanted = next.Own(view.Members, shards);
        return next with { IsWanted = next.Seen.All(round => Saves(wanted, view.Members, [.. view.Members.Select(member => round[member.Node])])) };
    }

    private static bool Saves(IReadOnlyList<ViewMember> then, IReadOnlyList<ViewMember> now, IReadOnlyList<double> secondsPerShard) =>
        ShardOwnership.Seconds(then, secondsPerShard) <= (1 - LeastGain) * ShardOwnership.Seconds(now, secondsPerShard);

    private static string Counts(IReadOnlyList<ViewMember> members) =>
        string.Join(",", members.Take(CountsSaid).Select(member => member.ShardCount)) + (members.Count > CountsSaid ? ",…" : "");
}
