using Akka.Actor;
using Akka.TestKit;
using Ganymede.Coordinator;
using Ganymede.Coordinator.Runs;
using Ganymede.Messages;
using Ganymede.Messages.Api;

namespace Ganymede.Tests;

/// <summary>A Coordinator ends, in good order or not, and the next one leads the run on.</summary>
public sealed partial class RunActorTests
{
    private static readonly TimeSpan TakeOverDeadline = RunActor.RegistrationDeadline + TimeSpan.FromSeconds(3.1);

    private EventLog _later = new(TimeProvider.System);

    [Fact]
    public async Task A_Coordinator_that_is_stopped_in_good_order_leaves_a_run_that_the_next_one_takes_over()
    {
        var (run, nodes) = await Prepared("a", "b");
        var first = await Issued(nodes[0], 1);
        await Stop(run);

        Assert.DoesNotContain("failed", await File.ReadAllTextAsync(Path.Combine(_folder, "events.jsonl"), TestContext.Current.CancellationToken), StringComparison.Ordinal);
        var next = TakeOver(nodes, "a", "b");
        await nodes[0].FishForMessageAsync<DescribeMember>(_ => true);
        next.Tell(Report("a", first.View) with { Incarnation = long.MaxValue / 2 });
        next.Tell(Report("b", first.View, waits: true));

        // A view that follows is newer than all before it, whatever this Coordinator's clock says.
        next.Tell(Halted("a", 1));
        Assert.Equal(long.MaxValue / 2 + 1, (await Issued(nodes[0], 2)).Incarnation);
        Assert.Contains("Took over in view 1", Said(_later), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_run_whose_Coordinator_ends_while_it_prepares_is_prepared_anew_by_the_next_one()
    {
        var (run, nodes) = await Asked("a");
        await Stop(run);
        await nodes[0].ExpectNoMsgAsync(TimeSpan.Zero);

        var next = TakeOver(nodes, "a");
        await nodes[0].ExpectMsgAsync<DescribeMember>();
        next.Tell(Report("a", view: null, waits: true));
        await Drain(next);
        Advance(TakeOverDeadline);

        await nodes[0].FishForMessageAsync<AbortRun>(_ => true);
        Assert.Equal(StartingState.CheckpointIfAny, (await nodes[0].ExpectMsgAsync<PrepareRun>()).Start);
    }

    [Fact]
    public async Task A_member_that_reports_too_late_stays_a_member_and_an_order_that_came_meanwhile_is_carried_out()
    {
        var (run, nodes) = await Prepared("a", "b");
        var first = await Issued(nodes[0], 1);
        await Stop(run);
        File.Delete(Path.Combine(_folder, "events.jsonl")); // the run goes on without its history

        var next = TakeOver(nodes, "a", "b");
        next.Tell(Report("a", first.View));
        Assert.True((await next.Ask<SteeringAnswer>(new SteerRun("run", RunOrder.Stop, "ops"))).Done);
        Advance(TakeOverDeadline);

        foreach (var node in nodes)
            await node.FishForMessageAsync<HaltView>(_ => true);
        next.Tell(Halted("b", 1));
        next.Tell(Halted("a", 1));
        Assert.Equal(2, (await Issued(nodes[1], 2)).View.Members.Length);
        foreach (var node in nodes)
            await node.FishForMessageAsync<StopRun>(_ => true);
        Assert.Contains("its events are not", Said(_later), StringComparison.Ordinal);
    }

    [Fact]
    public async Task No_view_follows_one_that_another_may_have_followed_until_its_members_report_or_must_have_ended()
    {
        var (run, nodes) = await Prepared("a", "b");
        var first = await Issued(nodes[0], 1);
        run.Tell(new NodesChanged([Known("a", nodes[0])], [new NodeId("b")]));
        run.Tell(Halted("a", 1));
        var second = await Issued(nodes[0], 2);
        await Stop(run);

        // The one that was thrown out reports, the only member of the newest view does not.
        var next = TakeOver([nodes[1]], "b");
        next.Tell(Report("b", first.View, waits: true));
        await Drain(next);
        Advance(TakeOverDeadline);
        await Drain(next);
        Assert.Contains("No member of view 2 has reported", Said(_later), StringComparison.Ordinal);

        next.Tell(new NodesChanged([InRun("a", nodes[0]), InRun("b", nodes[1])], []));
        next.Tell(Report("a", second.View));
        await Drain(next);
        Assert.Contains("Took over in view 2", Said(_later), StringComparison.Ordinal);
    }

    private IActorRef TakeOver(TestProbe[] nodes, params string[] names)
    {
        _later = new EventLog(TimeProvider.System);
        var found = RunRecord.Find(new ActiveRun(Run, _folder))!;
        var next = Sys.ActorOf(RunActor.Props(Run, found.Request, found, _later, _packs!, _time, _ => _answer));
        next.Tell(new NodesChanged([.. names.Zip(nodes, InRun)], []));
        return next;
    }

    private async Task Stop(IActorRef run)
    {
        await WatchAsync(run);
        Sys.Stop(run);
        await ExpectTerminatedAsync(run);
    }

    private KnownNode InRun(string name, IActorRef actor) => new(RunStateTests.Node(name) with { Run = new ActiveRun(Run, _folder) }, actor);

    private static MemberReport Report(string node, View? view, bool waits = false) => new(Run, new NodeId(node), view, 8, 1, waits);

    private static string Said(EventLog events) => string.Join("\n", events.Read(0, 1000).Events.Select(happened => happened.Text));
}
