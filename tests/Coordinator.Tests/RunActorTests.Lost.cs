using Akka.Actor;
using Ganymede.Collectives;
using Ganymede.Coordinator;
using Ganymede.Coordinator.Runs;
using Ganymede.Messages;
using Ganymede.Messages.Api;

namespace Ganymede.Tests;

/// <summary>Messages that are lost on their way, between processes that all live.</summary>
public sealed partial class RunActorTests
{
    [Fact]
    public async Task A_lost_HaltView_is_said_again_though_the_members_process_answers_probes()
    {
        _answer = ProbeAnswer.Alive;
        var (run, nodes) = await Prepared("a", "b", "c");
        foreach (var node in nodes)
            await node.ExpectMsgAsync<ViewIssued>();

        run.Tell(Suspicion("a", "c"));
        run.Tell(Halted("a", 1));
        run.Tell(Halted("c", 1));
        await nodes[1].ExpectMsgAsync<HaltView>(); // b never learns of it
        await Pass(run, 1);

        await nodes[1].ExpectMsgAsync<HaltView>();
        run.Tell(Halted("b", 1));
        Assert.Equal(3, (await Issued(nodes[1], 2)).View.Members.Length);
    }

    [Fact]
    public async Task A_lost_ViewIssued_is_said_again_to_whoever_waits_in_the_view_before()
    {
        _answer = ProbeAnswer.Alive;
        var (run, nodes) = await Prepared("a", "b");
        run.Tell(Suspicion("a", "b"));
        run.Tell(Halted("a", 1));
        run.Tell(Halted("b", 1));
        await Issued(nodes[1], 2); // b never learns of it

        await Pass(run, 1);
        run.Tell(Halted("b", 1));

        await Issued(nodes[1], 2);
    }

    [Fact]
    public async Task A_lost_first_view_is_said_again_to_whoever_is_ready_and_it_is_ready_once()
    {
        var (run, nodes) = await Asked("a", "b");
        foreach (var name in new[] { "a", "a", "b" })
            run.Tell(Ready(name));
        await nodes[0].ExpectMsgAsync<ViewIssued>();

        await Pass(run, 1);
        run.Tell(Ready("a"));

        await nodes[0].ExpectMsgAsync<ViewIssued>();
        Assert.Single(_events.Read(0, 1000).Events, happened => happened.Text.StartsWith("a is ready", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_stop_is_said_again_until_the_run_is_over()
    {
        var (run, nodes) = await Prepared("a");
        run.Tell(new SteerRun("run", RunOrder.Stop, "somebody"));
        await nodes[0].FishForMessageAsync<StopRun>(_ => true);

        await Pass(run, 3.1);

        await nodes[0].FishForMessageAsync<StopRun>(_ => true);
        Assert.Contains("already", (await run.Ask<SteeringAnswer>(new SteerRun("run", RunOrder.Stop, "another"))).Lines[0], StringComparison.Ordinal);
        await nodes[0].FishForMessageAsync<StopRun>(stop => stop.Reason == "asked to by somebody");
        Assert.Single(_events.Read(0, 1000).Events, happened => happened.Text.StartsWith("Stopping", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_node_that_was_asked_to_join_and_says_nothing_is_asked_again_after_the_deadline()
    {
        var (run, nodes) = await Prepared("a");
        var late = CreateTestProbe();
        run.Tell(new NodesChanged([Known("a", nodes[0]), Known("b", late)], []));
        await late.ExpectMsgAsync<PrepareRun>();
        await Drain(run);

        Advance(RunActor.PrepareDeadline + TimeSpan.FromSeconds(1));

        await late.ExpectMsgAsync<AbortRun>();
        await late.ExpectMsgAsync<PrepareRun>();
    }

    [Fact]
    public async Task A_joiner_that_fails_in_its_first_view_costs_the_run_nothing()
    {
        var (run, nodes) = await Prepared("a");
        var late = CreateTestProbe();
        run.Tell(new NodesChanged([Known("a", nodes[0]), Known("b", late)], []));
        await late.ExpectMsgAsync<PrepareRun>();
        run.Tell(Ready("b"), late);
        await nodes[0].FishForMessageAsync<PauseView>(_ => true);
        run.Tell(Halted("a", 1));
        await Issued(late, 2);

        run.Tell(new MemberFailed(Run, new NodeId("b"), "out of memory", BadInput: false), late);

        await EventText("Evicted b: it failed: out of memory");
        run.Tell(Halted("a", 2));
        Assert.Equal("a", Assert.Single((await Issued(nodes[0], 3)).View.Members).Node.Value);
    }

    private static async Task<ViewIssued> Issued(Akka.TestKit.TestProbe node, long view) =>
        (ViewIssued)await node.FishForMessageAsync(message => message is ViewIssued issued && issued.View.Number == view);

    private static MemberHalted Halted(string node, long view) => new(Run, new NodeId(node), view, 8, 1);

    private static PeerSuspect Suspicion(string by, string suspect) =>
        new(Run, new NodeId(by), 1, [new NodeId(suspect)], 3, 0, 0, 0, Diverged: false, $"{suspect} is silent");
}
