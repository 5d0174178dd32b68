using System.Collections.Concurrent;
using Akka.Actor;
using Akka.TestKit;
using Akka.TestKit.Xunit;
using Ganymede.Collectives;
using Ganymede.Coordinator;
using Ganymede.Coordinator.Runs;
using Ganymede.Messages;
using Ganymede.Messages.Api;

namespace Ganymede.Tests;

/// <summary>A run's life in virtual time, with test probes for nodes; the data are real.</summary>
public sealed partial class RunActorTests() : TestKit("akka.scheduler.implementation = \"Akka.TestKit.TestScheduler, Akka.TestKit\"")
{
    private static readonly RunId Run = new("run");
    private static readonly PhaseSeconds Phases = new(1, 1, 1);

    private readonly EventLog _events = new(TimeProvider.System);
    private readonly string _folder = Directory.CreateTempSubdirectory("ganymede-run-").FullName;
    private readonly ConcurrentDictionary<string, ProbeAnswer> _answers = [];
    private readonly ManualTime _time = new();
    private PackServer? _packs;
    private ProbeAnswer _answer = ProbeAnswer.Silent;

    /// <summary>Time for what is computed from it; the scheduler's, for timers, moves along.</summary>
    private sealed class ManualTime : TimeProvider
    {
        private long _ticks;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public void Advance(TimeSpan by) => Interlocked.Add(ref _ticks, by.Ticks);

        public override long GetTimestamp() => Interlocked.Read(ref _ticks);
    }

    private void Advance(TimeSpan by)
    {
        _time.Advance(by);
        ((TestScheduler)Sys.Scheduler).Advance(by);
    }

    /// <summary>Beat by beat: a run that gets no tick for longer takes itself for one that stood still.</summary>
    private async Task Pass(IActorRef run, double seconds)
    {
        for (var passed = 0.0; passed < seconds; passed += StallDeadlines.OfSeconds(3).Beat.TotalSeconds)
        {
            Advance(StallDeadlines.OfSeconds(3).Beat);
            await Drain(run);
        }
    }

    [Fact]
    public async Task Members_prepare_then_begin_together_and_the_result_is_theirs()
    {
        var (run, nodes) = await Prepared("a", "b");

        foreach (var node in nodes)
            Assert.Equal(1, (await node.ExpectMsgAsync<ViewIssued>()).View.Number);
        run.Tell(Done("a", "hash"));
        run.Tell(Done("b", "hash"));

        var end = await Event(RunEventKind.Finished);
        Assert.Equal("hash", end.Result!.WeightsSha256);
        Assert.Equal(2, end.Result.Nodes);
    }

    [Fact]
    public async Task Members_that_end_with_other_weights_fail_the_run_by_name()
    {
        var (run, _) = await Prepared("a", "b");

        run.Tell(Done("a", "hash"));
        run.Tell(Done("b", "other"));

        Assert.Contains("b ended at step", (await Event(RunEventKind.Failed)).Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_lost_member_is_done_without_and_the_others_go_on_from_where_the_furthest_is()
    {
        var (run, nodes) = await Prepared("a", "b", "c");
        foreach (var node in nodes)
            await node.ExpectMsgAsync<ViewIssued>();

        run.Tell(new NodesChanged([Known("a", nodes[0]), Known("b", nodes[1])], [new NodeId("c")]));
        foreach (var node in nodes[..2])
            Assert.Contains("c left the cluster", (await node.ExpectMsgAsync<HaltView>()).Reason, StringComparison.Ordinal);
        run.Tell(new MemberHalted(Run, new NodeId("a"), 1, 7, 111));
        run.Tell(new MemberHalted(Run, new NodeId("b"), 1, 8, 222));

        foreach (var node in nodes[..2])
        {
            var issued = await node.ExpectMsgAsync<ViewIssued>();
            Assert.Equal((2, 8, "b", 222ul), (issued.View.Number, issued.Position, issued.Source.Value, issued.SumHash));
            Assert.Equal(["a", "b"], issued.View.Members.Select(member => member.Node.Value));
        }
    }

    [Fact]
    public async Task A_member_whose_port_refuses_is_evicted_at_once_and_one_that_is_silent_within_MaxStall()
    {
        var (run, nodes) = await Prepared("a", "b", "c");
        _answers["b"] = ProbeAnswer.Gone;
        _answers["c"] = ProbeAnswer.Silent;

        run.Tell(new PeerSuspect(Run, new NodeId("a"), 1, [new NodeId("b")], 3, 0, 0, 0, Diverged: false, "b closed the connection"));
        run.Tell(new MemberHalted(Run, new NodeId("a"), 1, 6, 1));
        await EventText("Evicted b");
        Assert.DoesNotContain("Evicted c", _events.Last!.Text, StringComparison.Ordinal);
        await Pass(run, 3.1);

        await EventText("Evicted c");
        var issued = (ViewIssued)await nodes[0].FishForMessageAsync(message => message is ViewIssued { View.Number: 2 });
        Assert.Equal(["a"], issued.View.Members.Select(member => member.Node.Value));
        await nodes[2].FishForMessageAsync<AbortRun>(_ => true);
    }

    [Fact]
    public async Task A_node_that_comes_later_joins_at_the_end_of_a_step_and_one_that_leaves_goes_then()
    {
        var (run, nodes) = await Prepared("a", "b");
        var late = CreateTestProbe();

        run.Tell(new NodesChanged([Known("a", nodes[0]), Known("b", nodes[1]), Known("c", late)], []));
        Assert.Equal(StartingState.FromMember, (await late.ExpectMsgAsync<PrepareRun>()).Start);
        run.Tell(Ready("c"), late);
        await nodes[0].FishForMessageAsync<PauseView>(pause => pause.Reason == "joining: c");
        run.Tell(new LeaveRun(Run, new NodeId("a"), "SIGTERM"));
        foreach (var name in new[] { "a", "b" })
            run.Tell(new MemberHalted(Run, new NodeId(name), 1, 10, 5));

        var issued = (ViewIssued)await late.FishForMessageAsync(message => message is ViewIssued);
        Assert.Equal(["b", "c"], issued.View.Members.Select(member => member.Node.Value));
        Assert.Equal(("b", 10), (issued.Source.Value, issued.Position));
        Assert.Equal(["c"], issued.Joining.Select(node => node.Value));
        await nodes[0].FishForMessageAsync<RunOver>(_ => true);
    }

    [Fact]
    public async Task When_the_last_member_is_gone_the_run_goes_on_from_its_checkpoint_with_whoever_comes()
    {
        var (run, _) = await Prepared("a", "b");
        var other = CreateTestProbe();

        run.Tell(new NodesChanged([], [new NodeId("a"), new NodeId("b")]));
        run.Tell(new NodesChanged([Known("d", other)], []));
        await Drain(run);
        Advance(RunActor.GatherDeadline + TimeSpan.FromSeconds(1));

        Assert.Equal(StartingState.CheckpointIfAny, (await other.ExpectMsgAsync<PrepareRun>()).Start);
        run.Tell(new RunPrepared(Run, new NodeId("d"), 5, 1, PackWasCached: true), other);
        var issued = await other.ExpectMsgAsync<ViewIssued>();
        Assert.Equal((2, 10), (issued.View.Number, issued.Position));
    }

    [Fact]
    public async Task A_member_that_cannot_go_on_fails_the_run_by_name()
    {
        var (run, nodes) = await Prepared("a", "b");

        run.Tell(new MemberFailed(Run, new NodeId("b"), "disk full", BadInput: false));

        Assert.Equal("b: disk full", (await Event(RunEventKind.Failed)).Text);
        await nodes[0].FishForMessageAsync<AbortRun>(_ => true);
    }

    [Fact]
    public async Task Too_few_nodes_end_the_wait_with_how_many_came()
    {
        var run = Start(nodes: 2);
        await Event(RunEventKind.Data);
        run.Tell(new NodesChanged([Known("a", CreateTestProbe())], []));
        await Drain(run);

        Advance(RunActor.GatherDeadline + TimeSpan.FromSeconds(1));

        Assert.Contains("1 of 2 nodes", (await Event(RunEventKind.Failed)).Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Members_that_do_not_get_ready_are_named()
    {
        var (run, nodes) = await Asked("a", "b");
        run.Tell(Ready("a"), nodes[0]);
        await Drain(run);

        Advance(RunActor.PrepareDeadline + TimeSpan.FromSeconds(1));

        Assert.StartsWith("b not prepared", (await Event(RunEventKind.Failed)).Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Data_that_are_not_there_are_bad_input()
    {
        Start(nodes: 1, data: Path.Combine(_folder, "nothing"));

        var failed = await Event(RunEventKind.Failed);
        Assert.True(failed.BadInput);
        Assert.Contains("nothing", failed.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task More_replicas_than_shards_are_bad_input()
    {
        var run = Start(nodes: 1);
        await Event(RunEventKind.Data);

        run.Tell(new NodesChanged([new KnownNode(RunStateTests.Node("a", replicas: 5), CreateTestProbe())], []));

        var failed = await Event(RunEventKind.Failed);
        Assert.True(failed.BadInput);
        Assert.Contains("--shards 4", failed.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_stop_reaches_every_member()
    {
        var (run, nodes) = await Prepared("a", "b");

        run.Tell(new SteerRun("run", RunOrder.Stop, "somebody"));

        foreach (var node in nodes)
            await node.FishForMessageAsync<StopRun>(stop => stop.Reason == "asked to by somebody");
    }

    [Fact]
    public async Task A_paused_run_says_who_paused_it_keeps_its_members_waiting_and_goes_on_when_it_is_resumed()
    {
        var (run, nodes) = await Prepared("a", "b");
        foreach (var node in nodes)
            await node.ExpectMsgAsync<ViewIssued>();

        Assert.True((await run.Ask<SteeringAnswer>(new SteerRun("run", RunOrder.Pause, "pbm ops"))).Done);
        Assert.True((await nodes[0].FishForMessageAsync<PauseView>(_ => true)).Checkpoint);
        foreach (var name in new[] { "a", "b" })
            run.Tell(new MemberHalted(Run, new NodeId(name), 1, 8, 1));
        await EventText("Pause asked for by pbm ops");
        await EventText("Paused at step 4");
        Assert.Contains("pbm ops", File.ReadAllText(Path.Combine(_folder, "coordinator.json")), StringComparison.Ordinal);
        foreach (var node in nodes)
            await node.FishForMessageAsync<HoldRun>(_ => true);
        for (var i = 0; i < 40; i++)
            Advance(TimeSpan.FromSeconds(1)); // far above every deadline of a run
        await nodes[1].FishForMessageAsync<HoldRun>(_ => true);
        Assert.DoesNotContain("Evicted", string.Join("\n", _events.Read(0, 1000).Events.Select(happened => happened.Text)), StringComparison.Ordinal);

        Assert.Contains("already", (await run.Ask<SteeringAnswer>(new SteerRun("run", RunOrder.Pause, "api key ci"))).Lines[0], StringComparison.Ordinal);
        Assert.True((await run.Ask<SteeringAnswer>(new SteerRun("run", RunOrder.Resume, "api key ci"))).Done);
        var issued = (ViewIssued)await nodes[1].FishForMessageAsync(message => message is ViewIssued { View.Number: 2 });
        Assert.Equal((8, 2), (issued.Position, issued.View.Members.Length));
        await EventText("Resumed by api key ci");
        Assert.False((await run.Ask<SteeringAnswer>(new SteerRun("run", RunOrder.Resume, "api key ci"))).Done);
    }

    [Fact]
    public async Task A_run_that_is_paused_before_it_has_begun_begins_when_it_is_resumed()
    {
        var (run, nodes) = await Asked("a");
        Assert.True((await run.Ask<SteeringAnswer>(new SteerRun("run", RunOrder.Pause, "ops"))).Done);
        run.Tell(Ready("a"));
        await EventText("a is ready");
        await Drain(run);
        await nodes[0].ExpectNoMsgAsync(TimeSpan.Zero);

        Assert.True((await run.Ask<SteeringAnswer>(new SteerRun("run", RunOrder.Resume, "ops"))).Done);

        await nodes[0].FishForMessageAsync<ViewIssued>(_ => true);
    }

    [Fact]
    public async Task A_drained_node_leaves_at_the_end_of_a_step_and_is_not_asked_again_until_it_is_undrained()
    {
        var (run, nodes) = await Prepared("a", "b");
        foreach (var node in nodes)
            await node.ExpectMsgAsync<ViewIssued>();
        var (a, b) = (Known("a", nodes[0]), Known("b", nodes[1]));

        run.Tell(new NodesChanged([a, b with { Registration = b.Registration with { DrainedBy = "ops" } }], []));
        await nodes[0].FishForMessageAsync<PauseView>(_ => true);
        foreach (var name in new[] { "a", "b" })
            run.Tell(new MemberHalted(Run, new NodeId(name), 1, 8, 1));

        await nodes[1].FishForMessageAsync<RunOver>(_ => true);
        await EventText("b wants to leave: drained by ops");
        var issued = (ViewIssued)await nodes[0].FishForMessageAsync(message => message is ViewIssued { View.Number: 2 });
        Assert.Equal("a", Assert.Single(issued.View.Members).Node.Value);
        Advance(TimeSpan.FromSeconds(5));
        await Drain(run);
        await nodes[1].ExpectNoMsgAsync(TimeSpan.Zero);
        run.Tell(new NodesChanged([a, b], []));
        Advance(TimeSpan.FromSeconds(1));
        await nodes[1].FishForMessageAsync<PrepareRun>(_ => true);
    }

    [Fact]
    public async Task A_checkpoint_is_asked_of_the_first_member_and_of_its_successor_until_one_is_written()
    {
        var (run, nodes) = await Prepared("a", "b");
        Assert.True((await run.Ask<SteeringAnswer>(new SteerRun("run", RunOrder.Checkpoint, "ops"))).Done);
        await nodes[0].FishForMessageAsync<CheckpointRun>(_ => true);
        await EventText("Checkpoint asked for by ops");

        run.Tell(new NodesChanged([Known("b", nodes[1])], [new NodeId("a")]));
        run.Tell(new MemberHalted(Run, new NodeId("b"), 1, 8, 1));

        await nodes[1].FishForMessageAsync<CheckpointRun>(_ => true);
    }

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        if (_packs is not null)
            await _packs.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    private IActorRef Start(int nodes, string data = "fashion-mnist")
    {
        _packs ??= PackServer.Listen("127.0.0.1", "127.0.0.1", port: 0, _ => { });
        var request = new RunRequest
        {
            Folder = _folder, PresetName = "cgan-32", Preset = "{}", Data = data, Size = 32, Channels = 1, Seed = 1, Steps = 10,
            Batch = 64, Shards = 4, Nodes = nodes,
        };
        return Sys.ActorOf(RunActor.Props(
            Run, request, found: null, _events, _packs, _time, member => _answers.GetValueOrDefault(member.Node.Value, _answer)));
    }

    /// <summary>A run whose members have been asked to prepare.</summary>
    private async Task<(IActorRef Run, TestProbe[] Nodes)> Asked(params string[] names)
    {
        var run = Start(names.Length);
        var probes = names.Select(_ => CreateTestProbe()).ToArray();
        run.Tell(new NodesChanged([.. names.Zip(probes, Known)], []));
        foreach (var probe in probes)
            await probe.ExpectMsgAsync<PrepareRun>(TimeSpan.FromSeconds(60));
        return (run, probes);
    }

    private async Task<(IActorRef Run, TestProbe[] Nodes)> Prepared(params string[] names)
    {
        var (run, nodes) = await Asked(names);
        foreach (var name in names)
            run.Tell(Ready(name));
        return (run, nodes);
    }

    private static KnownNode Known(string name, IActorRef actor) => new(RunStateTests.Node(name), actor);

    private static RunPrepared Ready(string node) => new(Run, new NodeId(node), 0, 1, PackWasCached: false);

    private static MemberFinished Done(string node, string weights) =>
        new(Run, new NodeId(node), 10, Stopped: false, weights, 640, 1, Phases, null, null, 1, 0, 0);

    private static Task<ActorIdentity> Drain(IActorRef actor) => actor.Ask<ActorIdentity>(new Identify(null));

    private async Task EventText(string start)
    {
        using var late = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        await foreach (var happened in _events.ReadAsync(0, late.Token))
        {
            if (happened.Text.StartsWith(start, StringComparison.Ordinal))
                return;
        }

        Assert.Fail($"The run ended with '{_events.Last!.Text}' and no event '{start}…'.");
    }

    private async Task<RunEvent> Event(RunEventKind kind)
    {
        using var late = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        await foreach (var happened in _events.ReadAsync(0, late.Token))
        {
            if (happened.Kind == kind)
                return happened;
        }

        throw new InvalidOperationException($"The run ended with '{_events.Last!.Text}' and no {kind}.");
    }
}
