using CsCheck;
using Ganymede.Coordinator.Runs;
using Ganymede.Messages;

namespace Ganymede.Tests;

public sealed class RunStateTests
{
    private static readonly PhaseSeconds Phases = new(1, 1, 1);
    private static readonly RunId Run = new("run");

    [Fact]
    public void A_view_gives_every_shard_to_one_member_in_order_and_as_evenly_as_can_be() =>
        Gen.Select(Gen.Int[0, 6], Gen.Int[1, 3].Array[1, 8]).Where((power, replicas) => replicas.Sum() <= 1 << power).Sample((power, replicas) =>
        {
            var shards = 1 << power;
            var members = ShardOwnership.Even([.. replicas.Select((count, index) => ShardOwnership.Member(Node($"n{index}", count)))], shards);

            var next = 0;
            foreach (var member in members)
            {
                Assert.Equal(next, member.FirstShard);
                next += member.ShardCount;
                var fair = (double)shards * member.Replicas / replicas.Sum();
                Assert.InRange(member.ShardCount, Math.Floor(fair), Math.Ceiling(fair));
            }

            Assert.Equal(shards, next);
        });

    [Fact]
    public void Waits_for_enough_nodes_and_takes_the_same_ones_in_whatever_order_they_came()
    {
        RegisterNode[] nodes = [Node("c"), Node("a"), Node("b")];

        Assert.Null(RunState.Initial.TryChoose(nodes, wanted: 4));
        var formed = RunState.Initial.TryChoose(nodes, wanted: 2)!;
        Assert.Equal(["a", "b"], formed.Chosen.Select(member => member.Node.Value));
        Assert.Equal(formed.Chosen, RunState.Initial.TryChoose([.. nodes.Reverse()], wanted: 2)!.Chosen);
    }

    [Fact]
    public void Nodes_with_other_threads_are_not_let_train_together()
    {
        Assert.Null(RunState.Difference([Node("a"), Node("b", replicas: 2)]));
        Assert.Contains("b has 2 threads", RunState.Difference([Node("a"), Node("b") with { ThreadsPerReplica = 2 }]), StringComparison.Ordinal);
    }

    [Fact]
    public void Readiness_of_a_stranger_changes_nothing_and_one_that_dies_is_not_waited_for()
    {
        var state = Formed();

        Assert.Same(state, state.Accept(Ready("stranger")));
        Assert.False(state.Accept(Ready("a")).AllPrepared);
        Assert.True(state.Accept(Ready("a")).Accept(Ready("b")).AllPrepared);
        Assert.Equal(["b"], state.Accept(Ready("a")).Unprepared.Select(member => member.Node.Value));
        Assert.True(state.Accept(Ready("a")).WithoutChosen(new NodeId("b")).AllPrepared);
    }

    [Fact]
    public void Members_that_start_differently_are_named()
    {
        var state = Formed();

        Assert.Null(state.Accept(Ready("a")).Accept(Ready("b")).PreparedDifference());
        Assert.Contains("b", state.Accept(Ready("a")).Accept(Ready("b") with { FirstStep = 5 }).PreparedDifference(), StringComparison.Ordinal);
        Assert.Contains("other weights", state.Accept(Ready("a")).Accept(Ready("b") with { Fingerprint = 2 }).PreparedDifference(), StringComparison.Ordinal);
    }

    [Fact]
    public void Members_that_end_differently_are_named()
    {
        var state = Formed().In(new View(1, ShardOwnership.Even(Formed().Chosen, 4)));

        Assert.Null(state.Accept(Done("a", "x")).Accept(Done("b", "x")).FinishedDifference());
        Assert.Contains("b", state.Accept(Done("a", "x")).Accept(Done("b", "y")).FinishedDifference(), StringComparison.Ordinal);
        Assert.Same(state, state.Accept(Done("a", "x") with { View = 0 }));
    }

    internal static RegisterNode Node(string name, int replicas = 1) =>
        new(new NodeId(name), "127.0.0.1", 1, [.. Enumerable.Repeat("cpu", replicas)], 1, 1);

    private static RunState Formed() => RunState.Initial.TryChoose([Node("a"), Node("b")], wanted: 2)!;

    private static RunPrepared Ready(string node) => new(Run, new NodeId(node), 0, 1, PackWasCached: false);

    private static MemberFinished Done(string node, string weights) =>
        new(Run, new NodeId(node), 10, Stopped: false, weights, 640, 1, Phases, null, null, 1, 0, 0);
}
