using System.Collections.Immutable;
using CsCheck;
using Ganymede.Coordinator.Runs;
using Ganymede.Messages;

namespace Ganymede.Tests;

/// <summary>The state machine of views: by example, and against simulated members that die, stop, wake, join and leave at any moment.</summary>
public sealed class ViewsTests
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
        Assert.Same(views, views.Alive(new NodeId("a"), 2, default).Next);
    }

    [Fact]
    public void A_suspect_without_a_sign_of_life_is_evicted_before_MaxStall_and_one_that_beats_is_kept()
    {
        var views = Start("a", "b", "c").Suspect(Suspicion("a", "b"), Seconds(10)).Next.Halt(Halted("a", 4), Seconds(10)).Next;
        var alive = views.Alive(new NodeId("b"), 1, Seconds(10.9)).Next;

        Assert.DoesNotContain(views.Tick(Seconds(10.9)).Decisions, decision => decision is ViewDecision.Evict);
        var evict = Assert.Single(views.Tick(Seconds(11.1)).Decisions.OfType<ViewDecision.Evict>());
        Assert.Equal("b", evict.Node.Value);
        Assert.Contains("no sign of life for 1.1 s", evict.Reason, StringComparison.Ordinal);
        Assert.DoesNotContain(alive.Tick(Seconds(11.1)).Decisions, decision => decision is ViewDecision.Evict);
        Assert.Equal("c", Assert.Single(alive.Alive(new NodeId("b"), 1, Seconds(12.9)).Next.Tick(Seconds(13.1)).Decisions.OfType<ViewDecision.Evict>()).Node.Value);
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

        Assert.Single((outcome with { PauseAsked = false }).Leave(new NodeId("b"), default).Decisions.OfType<ViewDecision.StopRun>());
    }

    [Fact]
    public void Members_that_die_stop_wake_join_and_leave_in_any_order_never_split_the_run_and_never_hang_it() =>
        Gen.Select(Gen.Int[1, 6], Gen.Select(Gen.Int[0, 99], Gen.Int[0, 31]).Array[0, 200]).Sample(
            (members, happenings) => new Simulation(members).Play(happenings), iter: 2000);

    private static Views Start(params string[] names) =>
        Views.Of(new View(1, ShardOwnership.Even([.. names.Select(Member)], Shards)), 0, Shards, Deadlines, default);

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

    /// <summary>
    /// Members as they behave: a sum is made only by a view whose members are all in it, and may reach some of them only. What the
    /// state machine decides is carried out at once, or is lost on those that are dead or stopped.
    /// </summary>
    private sealed class Simulation
    {
        private sealed class Node(string name, bool joins)
        {
            public NodeId Id { get; } = new(name);
            public bool IsDead { get; set; }
            public bool IsStopped { get; set; }
            public bool IsOut { get; set; }
            public bool HasHalted { get; set; } = joins;
            public bool WillPause { get; set; }
            public long View { get; set; } = joins ? 0 : 1;
            public long Position { get; set; }
            public ShardTime Computed { get; set; } = new(0, 0);
            public List<Action> Missed { get; } = [];
            public bool Answers => !IsDead && !IsStopped;
        }

        private readonly List<Node> _nodes = [];
        private Views _views;
        private TimeSpan _now;
        private long _furthest;
        private bool _isOver;

        public Simulation(int members)
        {
            for (var i = 0; i < members; i++)
                _nodes.Add(new Node($"n{i}", joins: false));
            _views = Start([.. _nodes.Select(node => node.Id.Value)]);
        }

        public void Play((int What, int Who)[] happenings)
        {
            foreach (var (what, who) in happenings)
            {
                if (_isOver)
                    return;
                var node = _nodes[who % _nodes.Count];
                switch (what)
                {
                    case < 40:
                        Sum(lost: what % 4 == 0 ? who : -1);
                        break;
                    case < 46:
                        Kill(node);
                        break;
                    case < 50:
                        node.IsStopped = true;
                        break;
                    case < 58:
                        Wake(node);
                        break;
                    case < 64 when _nodes.Count < 12:
                        var late = new Node($"n{_nodes.Count}", joins: true);
                        _nodes.Add(late);
                        Take(_views.Ready(Member(late.Id.Value), _now));
                        break;
                    case < 68:
                        Take(_views.Leave(node.Id, _now));
                        break;
                    case < 74 when node.Answers && _views.IsMember(node.Id):
                        Suspect(node, _nodes[(who + 1) % _nodes.Count]);
                        break;
                    case < 78:
                        Take(_views.Pause("paused by somebody", _now));
                        break;
                    case < 82:
                        Take(_views.Resume("resumed by somebody", _now));
                        break;
                    default:
                        Pass();
                        break;
                }
            }

            Finish();
        }

        /// <summary>Whatever happened: if somebody lives, then within a few MaxStall the run gets on.</summary>
        private void Finish()
        {
            foreach (var node in _nodes)
                Wake(node);
            Take(_views.Pause("paused at last", _now));
            for (var i = 0; i < 400 && !_isOver && _views.RestsAt is null; i++)
            {
                Sum(lost: -1);
                Pass();
            }

            // However long it lasts, those who live are held, at the end of a step, and nobody is thrown out.
            Assert.True(_isOver || _views.RestsAt % 2 == 0, $"does not come to rest in view {_views.View.Number}, {_views.Stage}");
            var (rest, view, evicted) = (_furthest, _views.View.Number, _views.Evicted);
            for (var i = 0; i < 100 && !_isOver; i++)
                Pass();
            Assert.True(_isOver || (rest, view) == (_furthest, _views.View.Number));
            Assert.True(_isOver || evicted == _views.Evicted);
            Take(_views.Resume("resumed at last", _now));
            var from = _furthest;
            for (var i = 0; i < 400 && !_isOver && _furthest < from + 4; i++)
            {
                Sum(lost: -1);
                Pass();
            }

            Assert.True(_isOver || _furthest >= from + 4, $"stuck in view {_views.View.Number}, {_views.Stage}, waiting for {string.Join(", ", _views.Awaited)}");
        }

        private Node this[NodeId id] => _nodes.Single(node => node.Id == id);

        private IEnumerable<Node> Members => _views.View.Members.Select(member => this[member.Node]);

        /// <summary>One phase, if the view is whole. A member that is lost just then may miss the result, and is one behind.</summary>
        private void Sum(int lost)
        {
            var members = Members.ToArray();
            if (members.Any(node => !node.Answers || node.IsOut || node.HasHalted || node.View != _views.View.Number))
            {
                // Those who live see it, by a closed socket or by silence.
                foreach (var node in members.Where(node => node.Answers && !node.IsOut && !node.HasHalted && node.View == _views.View.Number).ToArray())
                    Suspect(node, members.First(other => other != node && (!other.Answers || other.IsOut || other.HasHalted || other.View != node.View)));
                return;
            }

            // Results that were on their way arrive; nobody can be further than one sum, which needs all.
            if (members.Where(node => node.Position < _furthest).ToArray() is [_, ..] late)
            {
                foreach (var node in late)
                {
                    Assert.Equal(_furthest, ++node.Position);
                    PauseIfAsked(node);
                }

                return;
            }

            Assert.Single(members.Select(node => node.Position).Distinct());
            _furthest++;
            foreach (var (node, index) in members.Select((node, index) => (node, index)))
            {
                if (lost >= 0 && members.Length > 1 && index == lost % members.Length)
                    continue;
                node.Position++;
                PauseIfAsked(node);
            }
        }

        private void PauseIfAsked(Node node)
        {
            if (node.WillPause && node.Position % 2 == 0)
                Halt(node);
        }

        private void Suspect(Node by, Node suspect)
        {
            Take(_views.Suspect(new PeerSuspect(Run, by.Id, by.View, [suspect.Id], 0, 0, 0, 1, Diverged: false, "is silent"), _now));
            Halt(by);
        }

        private void Halt(Node node)
        {
            if (node.IsOut || node.HasHalted)
                return;
            node.HasHalted = true;
            Take(_views.Halt(new MemberHalted(Run, node.Id, node.View, node.Position, (ulong)node.Position + 1), _now));
        }

        private void Kill(Node node)
        {
            if (node.IsDead)
                return;
            node.IsDead = true;
            Take(_views.Gone(node.Id, "is gone", _now));
        }

        private static void Wake(Node node)
        {
            node.IsStopped = false;
            foreach (var missed in node.Missed.ToArray())
                missed();
            node.Missed.Clear();
        }

        /// <summary>A quarter of a second: signs of life, a tick, and evicted nodes that live ask to be let in again.</summary>
        private void Pass()
        {
            _now += Deadlines.Beat;
            foreach (var node in Members.Where(node => node.Answers && !node.IsOut).ToArray())
            {
                if (_views.Stage == ViewStage.Changing && node.HasHalted && node.View == _views.View.Number)
                    Take(_views.Halt(new MemberHalted(Run, node.Id, node.View, node.Position, (ulong)node.Position + 1), _now));
                Take(_views.Alive(node.Id, node.View, _now));
            }

            foreach (var node in _nodes.Where(node => node.Answers && node.IsOut && _views.MayJoin(node.Id, _now) && _views.Room > 0).ToArray())
            {
                (node.IsOut, node.HasHalted, node.Position) = (false, true, 0);
                Take(_views.Ready(Member(node.Id.Value), _now));
            }

            // Some take several times as long as others, and which of them changes after a while.
            foreach (var node in Members.Where(node => node.Answers && !node.IsOut && !node.HasHalted && node.View == _views.View.Number).ToArray())
            {
                var pace = 0.01 * (1 + ((_nodes.IndexOf(node) + (int)_now.TotalSeconds) % 5));
                node.Computed = new(node.Computed.Seconds + pace, node.Computed.Shards + 1);
                Take(_views.Observe(new ProgressReport(Run, node.Id, node.View, 0, 0, 0, 0, new PhaseSeconds(0, 0, 0), 0, 0, 0) { ShardTime = node.Computed }, _now));
            }

            Take(_views.Tick(_now));
        }

        private void Take(Views.Outcome outcome)
        {
            var before = _views;
            _views = outcome.Next;
            foreach (var decision in outcome.Decisions)
                Carry(before, decision);
        }

        private void Carry(Views before, ViewDecision decision)
        {
            Assert.NotEmpty(decision.Reason);
            switch (decision)
            {
                case ViewDecision.Halt halt:
                    foreach (var member in halt.Members)
                        Reach(this[member], node => Halt(node));
                    break;
                case ViewDecision.Pause pause:
                    Reach(this[pause.Lead], _ =>
                    {
                        foreach (var node in Members)
                            node.WillPause = true;
                    });
                    break;
                case ViewDecision.Evict evict:
                    Reach(this[evict.Node], node => node.IsOut = true);
                    break;
                case ViewDecision.Release release:
                    Reach(this[release.Node], node => node.IsOut = node.IsDead = true);
                    break;
                case ViewDecision.Issue issue:
                    Begin(before, issue);
                    break;
                case ViewDecision.StopRun:
                    _isOver = true;
                    break;
                case ViewDecision.AllLost:
                    Assert.All(Members, node => Assert.True(before.Lost.ContainsKey(node.Id) || !node.Answers || node.IsOut || _views.Lost.ContainsKey(node.Id)));
                    _isOver = true;
                    break;
            }
        }

        private void Begin(Views before, ViewDecision.Issue issue)
        {
            var view = issue.View;
            Assert.True(_views.Hold is null || issue.Position % 2 != 0, "a paused run goes on only to finish a step");
            Assert.Equal(before.View.Number + 1, view.Number);
            var next = 0;
            foreach (var member in view.Members)
            {
                Assert.Equal(next, member.FirstShard);
                Assert.True(member.ShardCount >= 1);
                next += member.ShardCount;
            }

            Assert.Equal(Shards, next);

            // Never two views in force: who was in the one before has left it, or is out.
            foreach (var old in before.View.Members.Select(member => this[member.Node]))
                Assert.True(old.HasHalted || !old.Answers || old.IsOut || !view.Members.Any(member => member.Node == old.Id) || old.View < before.View.Number, $"{old.Id} still trains");

            // Somebody has the newest sum that any survivor has; others are one behind, or get all of the state at a boundary.
            Assert.Contains(view.Members, member => member.Node == issue.Source);
            Assert.Equal(issue.Position, this[issue.Source].Position);
            Assert.True(issue.Position >= _furthest - 1);
            Assert.True(issue.Joining.Count == 0 || issue.Position % 2 == 0);
            foreach (var member in view.Members.Select(member => this[member.Node]).Where(node => !issue.Joining.Contains(node.Id)))
                Assert.InRange(member.Position, issue.Position - 1, issue.Position);

            _furthest = issue.Position;
            foreach (var member in view.Members)
            {
                Reach(this[member.Node], node =>
                {
                    if (node.IsOut || node.View >= view.Number || _views.View.Number != view.Number)
                        return;
                    (node.View, node.Position, node.HasHalted, node.WillPause) = (view.Number, issue.Position, false, false);
                });
            }
        }

        private static void Reach(Node node, Action<Node> what)
        {
            if (node.IsStopped)
                node.Missed.Add(() => what(node));
            else if (!node.IsDead)
                what(node);
        }
    }
}
