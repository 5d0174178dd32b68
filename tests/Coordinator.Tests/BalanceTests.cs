using CsCheck;
using Ganymede.Collectives;
using Ganymede.Coordinator.Runs;
using Ganymede.Messages;

namespace Ganymede.Tests;

/// <summary>Who owns which shards by speed, and when that changes.</summary>
public sealed class BalanceTests
{
    private static readonly RunId Run = new("run");
    private static readonly StallDeadlines Deadlines = StallDeadlines.OfSeconds(3);

    /// <summary>(V, replicas of each member, seconds a shard of each), such that there is a shard for every replica.</summary>
    private static readonly Gen<(int Shards, (int Replicas, double Pace)[] Members)> Clusters =
        Gen.Select(Gen.Int[0, 7].Select(log => 1 << log), Gen.Select(Gen.Int[1, 3], Gen.Double[0.001, 1]).Array[1, 12])
            .Where(cluster => cluster.Item2.Sum(member => member.Item1) <= cluster.Item1);

    [Fact]
    public void By_speed_every_shard_has_one_owner_every_replica_a_shard_and_no_other_cut_is_done_sooner() => Clusters.Sample(cluster =>
    {
        var (shards, members) = cluster;
        var pace = members.Select(member => member.Pace).ToArray();

        var owned = ShardOwnership.BySpeed(Members(members.Select(member => member.Replicas)), shards, pace);

        var next = 0;
        foreach (var (member, replicas) in owned.Zip(members, (member, of) => (member, of.Replicas)))
        {
            Assert.Equal(next, member.FirstShard);
            Assert.True(member.ShardCount >= replicas);
            next += member.ShardCount;
        }

        Assert.Equal(shards, next);
        Assert.Equal(SoonestEnd(shards, members), ShardOwnership.Seconds(owned, pace), 1e-9);
    }, iter: 2000);

    [Fact]
    public void Equal_members_get_ranges_of_few_subtrees()
    {
        var owned = ShardOwnership.BySpeed(Members([1, 1, 1]), 16, [1, 1, 1]);

        Assert.Equal(6, owned.Max(member => member.ShardCount));
        Assert.Equal(5, owned.Sum(member => Subtree.Cover(new ShardRange(member.FirstShard, member.ShardCount), 16).Length)); // 5, 5, 6 would make 7
    }

    [Fact]
    public void Shards_stay_where_they_are_when_that_costs_nothing()
    {
        var now = Members([1, 1]);
        (now[0], now[1]) = (now[0] with { ShardCount = 12 }, now[1] with { FirstShard = 12, ShardCount = 4 });

        Assert.Equal(now, ShardOwnership.BySpeed(now, 16, [1, 3.1]));
    }

    [Fact]
    public void A_member_three_times_as_slow_loses_shards_after_three_rounds_and_the_reason_says_by_how_much()
    {
        var views = Start(16, "a", "b", "c");

        views = Round(views, [0.01, 0.011, 0.033]).Next;
        views = Round(views, [0.01, 0.011, 0.033]).Next;
        Assert.Null(views.PauseAskedAt);
        var asked = Round(views, [0.01, 0.011, 0.033]);
        Assert.Equal("a", Assert.Single(asked.Decisions.OfType<ViewDecision.Pause>()).Lead.Value);

        var issue = HaltAll(asked.Next).Decisions.OfType<ViewDecision.Issue>().Single();
        Assert.Equal([7, 7, 2], issue.View.Members.Select(member => member.ShardCount));
        Assert.EndsWith("c takes 3.3 times as long for a shard as a, 33 ms: 5,5,6 → 7,7,2 shards", issue.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void A_slow_spell_or_a_small_difference_moves_nothing()
    {
        var views = Start(16, "a", "b");
        for (var round = 0; round < 20; round++)
        {
            // Now one, now the other has a bad time; the second is a tenth slower than the first throughout.
            double[] pace = round % 3 == 0 ? [0.05, 0.011] : round % 3 == 1 ? [0.01, 0.055] : [0.01, 0.011];
            var outcome = Round(views, pace);
            Assert.Empty(outcome.Decisions);
            views = outcome.Next;
        }
    }

    [Fact]
    public void Off_means_off()
    {
        var views = Views.Of(new View(1, ShardOwnership.Even(Named("a", "b"), 16)), 0, 16, Deadlines, default, rebalance: false);
        for (var round = 0; round < 5; round++)
            views = Round(views, [0.01, 0.1]).Next;

        Assert.Null(views.PauseAskedAt);
        Assert.Equal([8, 8], HaltAll(views.Gone(new NodeId("none"), "", default).Next.Leave(new NodeId("none"), default).Next).Next.View.Members.Select(member => member.ShardCount));
    }

    [Fact]
    public void Whoever_is_left_after_a_death_owns_shards_by_speed_and_a_newcomer_counts_as_the_mean()
    {
        var views = Start(16, "a", "b", "c");
        for (var round = 0; round < Balance.Rounds; round++)
            views = Round(views, [0.01, 0.01, 0.04]).Next;
        var moved = HaltAll(views).Next;

        var alone = HaltAll(moved.Gone(new NodeId("b"), "is gone", default).Next).Next;
        Assert.Equal([13, 3], alone.View.Members.Select(member => member.ShardCount));

        var joined = HaltAll(alone.Ready(Named("d")[0], default).Next).Next;
        Assert.Equal(["a", "c", "d"], joined.Members.Select(node => node.Value));
        Assert.True(joined.View.Members[0].ShardCount > joined.View.Members[2].ShardCount && joined.View.Members[2].ShardCount > joined.View.Members[1].ShardCount);
    }

    [Fact]
    public void Once_shards_have_moved_the_same_speeds_ask_for_nothing_more() => Clusters.Sample(cluster =>
    {
        var (shards, members) = cluster;
        double[] pace = [.. members.Select(member => member.Pace)];
        var views = Views.Of(new View(1, ShardOwnership.Even(Members(members.Select(member => member.Replicas)), shards)), 0, shards, Deadlines, default);
        for (var round = 0; round < Balance.Rounds; round++)
            views = Round(views, pace).Next;
        if (views.PauseAskedAt is null)
            return;

        var before = ShardOwnership.Seconds(views.View.Members, pace);
        views = HaltAll(views).Next;
        Assert.InRange(ShardOwnership.Seconds(views.View.Members, pace), 0, (1 - Balance.LeastGain) * before);
        for (var round = 0; round < 2 * Balance.Rounds; round++)
            views = Round(views, pace).Next;
        Assert.Null(views.PauseAskedAt);
    }, iter: 500);

    [Fact]
    public void Nonsense_is_no_report()
    {
        var views = Start(16, "a", "b");
        foreach (var time in new[] { new ShardTime(double.NaN, 5), new ShardTime(-1, 5), new ShardTime(double.PositiveInfinity, 5), new ShardTime(1, 0), new ShardTime(1, -5) })
        {
            Assert.Same(views.Balance, views.Observe(Report("a", 1, time), default).Next.Balance);
            Assert.Same(views.Balance, views.Observe(Report("stranger", 1, new ShardTime(1, 5)), default).Next.Balance);
            Assert.Same(views.Balance, views.Observe(Report("a", 2, new ShardTime(1, 5)), default).Next.Balance);
        }
    }

    /// <summary>The least T = k s of any member for which the shards all members get done by T are enough.</summary>
    private static double SoonestEnd(int shards, (int Replicas, double Pace)[] members) =>
        members.SelectMany(member => Enumerable.Range(1, shards).Select(k => k * member.Pace)).Order().First(end =>
            members.All(member => member.Pace <= end) && members.Sum(member => member.Replicas * (long)Math.Floor((end / member.Pace) + 1e-9)) >= shards);

    private static Views Start(int shards, params string[] names) => Views.Of(new View(1, ShardOwnership.Even(Named(names), shards)), 0, shards, Deadlines, default);

    private static ViewMember[] Members(IEnumerable<int> replicas) =>
        [.. replicas.Select((count, i) => Named($"n{i:D2}")[0] with { Replicas = count })];

    private static ViewMember[] Named(params string[] names) => [.. names.Select(name => ShardOwnership.Member(RunStateTests.Node(name)))];

    /// <summary>Each member computes its shards ten times more, and says so.</summary>
    private static Views.Outcome Round(Views views, double[] pace)
    {
        Views.Outcome outcome = new(views, []);
        foreach (var (member, i) in views.View.Members.Select((member, i) => (member, i)))
        {
            var before = outcome.Next.Balance.Counted.GetValueOrDefault(member.Node) ?? new ShardTime(0, 0);
            var shards = 10 * member.ShardCount;
            var next = outcome.Next.Observe(Report(member.Node.Value, views.View.Number, new ShardTime(before.Seconds + (shards * pace[i]), before.Shards + shards)), default);
            outcome = new(next.Next, [.. outcome.Decisions, .. next.Decisions]);
        }

        return outcome;
    }

    private static Views.Outcome HaltAll(Views views)
    {
        Views.Outcome outcome = new(views, []);
        foreach (var node in views.View.Members.Where(member => views.IsMember(member.Node)).Select(member => member.Node).ToArray())
            outcome = outcome.Next.Halt(new MemberHalted(Run, node, views.View.Number, 4, 1), default);
        return outcome;
    }

    private static ProgressReport Report(string node, long view, ShardTime time) =>
        new(Run, new NodeId(node), view, 0, 0, 0, 0, new PhaseSeconds(0, 0, 0), 0, 0, 0) { ShardTime = time };
}
