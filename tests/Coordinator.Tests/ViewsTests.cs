using System.Collections.Immutable;
using CsCheck;
using Ganymede.Coordinator.Runs;
using Ganymede.Messages;

namespace Ganymede.Tests;

/// <summary>The state machine of views: by example, and against simulated members that die, stop, wake, join and leave at any moment.</summary>
public sealed partial class ViewsTests
{
    private const int Shards = 16;
    private static readonly RunId Run = new("run");
    private static readonly StallDeadlines Deadlines = StallDeadlines.OfSeconds(3);

    [Fact]
    public void Nothing_of_another_view_or_from_a_stranger_changes_anything()
    {
        var views = Start("a", "b");

        Assert.Same(views, views.Suspect(Suspicion("a", "b") with { View = 9 }, default).Next);
        Assert.Same(views, views.Halt(Halted("stranger", 4), default).Next);
        Assert.Same(views, views.Alive(new NodeId("a"), 2, default, byItself: true).Next);
    }

    [Fact]
    public void A_suspect_without_a_sign_of_life_is_evicted_before_MaxStall_and_one_that_beats_is_kept()
    {
        var views = Start("a", "b", "c").Suspect(Suspicion("a", "b"), Seconds(10)).Next.Halt(Halted("a", 4), Seconds(10)).Next;
        var alive = views.Alive(new NodeId("b"), 1, Seconds(10.9), byItself: false).Next;

        Assert.DoesNotContain(views.Tick(Seconds(10.9)).Decisions, decision => decision is ViewDecision.Evict);
        var evict = Assert.Single(views.Tick(Seconds(11.1)).Decisions.OfType<ViewDecision.Evict>());
        Assert.Equal("b", evict.Node.Value);
        Assert.Contains("no sign of life for 1.1 s", evict.Reason, StringComparison.Ordinal);
        Assert.DoesNotContain(alive.Tick(Seconds(11.1)).Decisions, decision => decision is ViewDecision.Evict);
        Assert.Equal("c", Assert.Single(alive.Alive(new NodeId("b"), 1, Seconds(12.9), byItself: false).Next.Tick(Seconds(13.1)).Decisions.OfType<ViewDecision.Evict>()).Node.Value);
    }

    [Fact]
    public void Who_has_not_left_the_view_hears_that_it_is_over_though_another_had_left_before_the_suspicion_came()
    {
        var views = Start("a", "b", "c").Halt(Halted("b", 4), default).Next;

        var suspected = views.Suspect(Suspicion("a", "b") with { Diverged = true }, default);

        Assert.Equal(["a", "c"], Assert.Single(suspected.Decisions.OfType<ViewDecision.Halt>()).Members.Select(node => node.Value));
        Assert.Empty(suspected.Next.Suspect(Suspicion("c", "b"), default).Decisions.OfType<ViewDecision.Halt>());
    }

    [Fact]
    public void A_paused_run_rests_at_the_end_of_a_step_whoever_dies_and_goes_on_with_those_who_live()
    {
        var asked = Start("a", "b", "c").Pause("paused by ops", default);
        var pause = Assert.Single(asked.Decisions.OfType<ViewDecision.Pause>());
        Assert.True(pause.Checkpoint);

        var rest = HaltAll(asked.Next, 4);
        Assert.Equal(4, Assert.Single(rest.Decisions.OfType<ViewDecision.Rest>()).Position);
        Assert.Empty(rest.Next.Tick(Seconds(3600)).Decisions);

        var bereft = rest.Next.Gone(new NodeId("b"), "is gone", Seconds(3601));
        Assert.Equal("b", Assert.Single(bereft.Decisions.OfType<ViewDecision.Evict>()).Node.Value);
        Assert.DoesNotContain(bereft.Decisions, decision => decision is ViewDecision.Issue);

        var issued = Assert.Single(bereft.Next.Resume("resumed by ops", Seconds(3602)).Decisions.OfType<ViewDecision.Issue>());
        Assert.Equal(4, issued.Position);
        Assert.Equal(["a", "c"], issued.View.Members.Select(member => member.Node.Value));
        Assert.Contains("resumed by ops", issued.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void A_member_that_dies_in_the_step_in_which_a_run_is_paused_has_it_finished_by_the_others_first()
    {
        var broken = Start("a", "b").Pause("paused by ops", default).Next.Gone(new NodeId("b"), "is gone", default).Next;

        var issued = broken.Halt(Halted("a", 5), default);

        Assert.Equal(5, Assert.Single(issued.Decisions.OfType<ViewDecision.Issue>()).Position);
        var pause = Assert.Single(issued.Next.Tick(Seconds(0.3)).Decisions.OfType<ViewDecision.Pause>());
        Assert.True(pause.Checkpoint);
        Assert.Equal(6, Assert.Single(issued.Next.Tick(Seconds(0.3)).Next.Halt(Halted("a", 6) with { View = 2 }, Seconds(1)).Decisions.OfType<ViewDecision.Rest>()).Position);
    }

    [Fact]
    public void Who_leaves_a_paused_run_is_let_go_at_once_but_for_the_last()
    {
        var rest = HaltAll(Start("a", "b").Pause("paused by ops", default).Next, 4).Next;

        var left = rest.Leave(new NodeId("a"), Seconds(1));
        Assert.Equal("a", Assert.Single(left.Decisions.OfType<ViewDecision.Release>()).Node.Value);
        var none = left.Next.Leave(new NodeId("b"), Seconds(2));
        Assert.Contains("all members leave", Assert.Single(none.Decisions.OfType<ViewDecision.StopRun>()).Reason, StringComparison.Ordinal);

        var issued = Assert.Single(left.Next.Resume("resumed", Seconds(3)).Decisions.OfType<ViewDecision.Issue>());
        Assert.Equal(["b"], issued.View.Members.Select(member => member.Node.Value));
    }

    [Fact]
    public void Two_that_cannot_reach_each_other_lose_the_one_that_most_blame_when_the_next_view_fails_as_well()
    {
        var views = Start("a", "b", "c");
        var second = HaltAll(views.Suspect(Suspicion("a", "c"), default).Next, 4);
        Assert.Equal(3, second.Next.View.Members.Length);

        var third = HaltAll(second.Next.Suspect(Suspicion("b", "c") with { View = 2 }, default).Next, 4);

        Assert.Equal(["a", "b"], third.Next.Members.Select(node => node.Value));
        Assert.Contains("cannot be reached by", Assert.Single(third.Decisions.OfType<ViewDecision.Evict>()).Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void A_member_with_another_sum_than_most_is_evicted_by_name()
    {
        var views = Start("a", "b", "c").Gone(new NodeId("none"), "", default).Next.Suspect(Suspicion("a", "b"), default).Next;

        var outcome = views.Halt(Halted("a", 4, sum: 7), default).Next.Halt(Halted("b", 4, sum: 8), default).Next.Halt(Halted("c", 4, sum: 8), default);

        Assert.Equal("a", Assert.Single(outcome.Decisions.OfType<ViewDecision.Evict>()).Node.Value);
        Assert.Equal(["b", "c"], outcome.Next.Members.Select(node => node.Value));
    }

    [Fact]
    public void A_newcomer_whose_source_dies_before_it_has_the_state_comes_in_with_the_next_view_from_another()
    {
        var entered = HaltAll(Start("a", "b").Ready(Member("c"), default).Next, 4);
        Assert.Equal("a", Assert.Single(entered.Decisions.OfType<ViewDecision.Issue>()).Source.Value);

        var outcome = entered.Next.Gone(new NodeId("a"), "is gone", Seconds(1)).Next
            .Halt(Halted("c", 0) with { View = 2 }, Seconds(1)).Next.Halt(Halted("b", 4) with { View = 2 }, Seconds(1));

        var issue = Assert.Single(outcome.Decisions.OfType<ViewDecision.Issue>());
        Assert.Equal(("b", "c"), (issue.Source.Value, Assert.Single(issue.Joining).Value));
        Assert.Equal(["b", "c"], issue.View.Members.Select(member => member.Node.Value));
        Assert.Empty(outcome.Decisions.OfType<ViewDecision.Evict>());
    }

    [Fact]
    public void A_newcomer_that_a_live_source_cannot_serve_is_evicted_and_not_the_source()
    {
        var entered = HaltAll(Start("a", "b").Ready(Member("c"), default).Next, 4).Next;

        var outcome = entered.Suspect(Suspicion("c", "a") with { View = 2 }, Seconds(1)).Next.Halt(Halted("c", 0) with { View = 2 }, Seconds(1)).Next
            .Halt(Halted("a", 4) with { View = 2 }, Seconds(1)).Next.Halt(Halted("b", 4) with { View = 2 }, Seconds(1));

        Assert.Equal("c", Assert.Single(outcome.Decisions.OfType<ViewDecision.Evict>()).Node.Value);
        Assert.Equal(["a", "b"], outcome.Next.Members.Select(node => node.Value));
    }

    [Fact]
    public void A_node_that_was_evicted_waits_twice_as_long_each_time_and_a_dead_one_never_comes_back()
    {
        var b = new NodeId("b");
        var once = Start("a", "b").Suspect(Suspicion("a", "b") with { Diverged = true }, Seconds(100)).Next;
        var twice = once with { Evicted = once.Evicted.SetItem(b, once.Evicted[b] with { Times = 2 }) };
        var dead = Start("a", "b").Gone(b, "is gone", Seconds(100)).Next;

        Assert.Equal((false, true), (once.MayJoin(b, Seconds(102.9)), once.MayJoin(b, Seconds(103))));
        Assert.Equal((false, true), (twice.MayJoin(b, Seconds(105.9)), twice.MayJoin(b, Seconds(106))));
        Assert.False(dead.MayJoin(b, Seconds(100_000)));
    }

    [Fact]
    public void A_node_that_was_evicted_long_ago_is_as_good_as_new()
    {
        var b = new NodeId("b");
        var once = Start("a", "b").Suspect(Suspicion("a", "b") with { Diverged = true }, Seconds(100)).Next;
        var back = once with { Lost = ImmutableDictionary<NodeId, string>.Empty, Stage = ViewStage.InForce };

        Assert.Equal(2, back.Suspect(Suspicion("a", "b") with { Diverged = true }, Seconds(200)).Next.Evicted[b].Times);
        Assert.Equal(1, back.Suspect(Suspicion("a", "b") with { Diverged = true }, Seconds(500)).Next.Evicted[b].Times);
    }

    [Fact]
    public void When_all_want_to_leave_the_run_is_stopped_with_a_checkpoint()
    {
        var outcome = Start("a", "b").Leave(new NodeId("a"), default).Next;

        Assert.Single((outcome with { PauseAskedAt = null }).Leave(new NodeId("b"), default).Decisions.OfType<ViewDecision.StopRun>());
    }

    [Fact]
    public void An_order_to_halt_is_given_again_until_the_member_itself_knows_of_it_however_alive_its_process_is()
    {
        var changing = Start("a", "b", "c").Suspect(Suspicion("a", "b"), default).Next.Halt(Halted("a", 4), default).Next;

        var probed = changing.Alive(new NodeId("b"), 1, Seconds(0.9), byItself: false).Next.Alive(new NodeId("c"), 1, Seconds(0.9), byItself: true).Next;

        Assert.Equal("b", Assert.Single(Assert.Single(probed.Tick(Seconds(1)).Decisions.OfType<ViewDecision.Halt>()).Members).Value);
        Assert.Empty(probed.Alive(new NodeId("b"), 1, Seconds(0.9), byItself: true).Next.Tick(Seconds(1)).Decisions);
    }

    [Fact]
    public void A_member_that_has_not_heard_of_the_newest_view_is_told_of_it_again_once_its_words_cannot_have_crossed()
    {
        var issued = HaltAll(Start("a", "b").Suspect(Suspicion("a", "b"), default).Next, 4).Next;

        Assert.Empty(issued.Halt(Halted("b", 4), Seconds(0.5)).Decisions);
        Assert.Equal("b", Assert.Single(issued.Halt(Halted("b", 4), Seconds(1)).Decisions.OfType<ViewDecision.Repeat>()).Node.Value);
        Assert.Single(issued.Lacks(new NodeId("b"), Seconds(1)).Decisions.OfType<ViewDecision.Repeat>());
        Assert.Empty(issued.Lacks(new NodeId("stranger"), Seconds(1)).Decisions);
    }

    [Fact]
    public void A_pause_that_nothing_comes_of_is_asked_for_again_after_MaxStall()
    {
        var asked = Start("a", "b").Pause("paused by ops", default).Next;

        Assert.Empty(asked.Tick(Seconds(2.9)).Decisions);
        Assert.Single(asked.Tick(Seconds(3)).Decisions.OfType<ViewDecision.Pause>());
    }

    [Fact]
    public void A_Coordinator_that_stood_still_evicts_nobody_for_its_own_silence()
    {
        var changing = Start("a", "b", "c").Suspect(Suspicion("a", "b"), Seconds(10)).Next.Tick(Seconds(10.2)).Next;

        var late = changing.Tick(Seconds(10.2) + 2 * Deadlines.MaxStall);

        Assert.Empty(late.Decisions.OfType<ViewDecision.Evict>());
        Assert.Equal("b", Assert.Single(Ticks(late.Next, Seconds(16.2), count: 5).OfType<ViewDecision.Evict>()).Node.Value);
    }

    [Fact]
    public void Members_that_die_stop_wake_join_and_leave_in_any_order_never_split_the_run_and_never_hang_it() =>
        Gen.Select(Gen.Int[1, 6], Gen.Select(Gen.Int[0, 99], Gen.Int[0, 31]).Array[0, 200]).Sample(
            (members, happenings) => new Simulation(members).Play(happenings), iter: 2000);

    private static Views Start(params string[] names) =>
        Views.Of(new View(1, ShardOwnership.Even([.. names.Select(Member)], Shards)), 0, Shards, Deadlines, default);

    /// <summary>What is decided in so many beats after a moment.</summary>
    private static List<ViewDecision> Ticks(Views views, TimeSpan from, int count)
    {
        List<ViewDecision> decisions = [];
        for (var i = 1; i <= count; i++)
        {
            var outcome = views.Tick(from + i * Deadlines.Beat);
            decisions.AddRange(outcome.Decisions);
            views = outcome.Next;
        }

        return decisions;
    }

    private static Views.Outcome HaltAll(Views views, long position)
    {
        Views.Outcome outcome = new(views, []);
        foreach (var node in views.Members.ToArray())
            outcome = outcome.Next.Halt(Halted(node.Value, position) with { View = views.View.Number }, default);
        return outcome;
    }

    private static ViewMember Member(string name) => ShardOwnership.Member(RunStateTests.Node(name));

    private static MemberHalted Halted(string node, long position, ulong sum = 1) => new(Run, new NodeId(node), 1, position, sum);

    private static PeerSuspect Suspicion(string by, string suspect) =>
        new(Run, new NodeId(by), 1, [new NodeId(suspect)], 2, 0, 0, 1, Diverged: false, $"{suspect} is silent");

    private static TimeSpan Seconds(double seconds) => TimeSpan.FromSeconds(seconds);
}
