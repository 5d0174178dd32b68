using Akka.Actor;
using Akka.TestKit;
using Akka.TestKit.Xunit;
using Ganymede.Coordinator;
using Ganymede.Coordinator.Runs;
using Ganymede.Messages;
using Ganymede.Messages.Api;

namespace Ganymede.Tests;

/// <summary>A run's life in virtual time, with test probes for nodes; the data are real.</summary>
public sealed class RunActorTests() : TestKit("akka.scheduler.implementation = \"Akka.TestKit.TestScheduler, Akka.TestKit\"")
{
    private static readonly RunId Run = new("run");
    private static readonly PhaseSeconds Phases = new(1, 1, 1);

    private readonly EventLog _events = new(TimeProvider.System);
    private readonly string _folder = Directory.CreateTempSubdirectory("ganymede-run-").FullName;
    private PackServer? _packs;

    private TestScheduler Clock => (TestScheduler)Sys.Scheduler;

    [Fact]
    public async Task Members_prepare_then_begin_together_and_the_result_is_theirs()
    {
        var (run, nodes) = await Prepared("a", "b");

        foreach (var node in nodes)
            Assert.Equal(1, (await node.ExpectMsgAsync<BeginTraining>()).View);
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
    public async Task A_lost_member_fails_the_run_and_the_others_are_told_to_drop_it()
    {
        var (run, nodes) = await Prepared("a", "b");
        await nodes[0].ExpectMsgAsync<BeginTraining>();

        run.Tell(new NodesChanged([Known("a", nodes[0])], [new NodeId("b")]));

        await nodes[0].ExpectMsgAsync<AbortRun>();
        Assert.Contains("Lost b while training", (await Event(RunEventKind.Failed)).Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_member_at_fault_is_named_even_if_one_that_lost_it_speaks_first()
    {
        var (run, _) = await Prepared("a", "b");

        run.Tell(new MemberFailed(Run, new NodeId("a"), "b closed the connection", BadInput: false, LostPeer: true));
        run.Tell(new MemberFailed(Run, new NodeId("b"), "disk full", BadInput: false, LostPeer: false));

        Assert.Equal("b: disk full", (await Event(RunEventKind.Failed)).Text);
    }

    [Fact]
    public async Task A_lost_peer_is_the_reason_when_nobody_names_a_better_one()
    {
        var (run, _) = await Prepared("a", "b");

        run.Tell(new MemberFailed(Run, new NodeId("a"), "b closed the connection", BadInput: false, LostPeer: true));
        await Drain(run);
        Clock.Advance(TimeSpan.FromSeconds(5));

        Assert.Equal("a: b closed the connection", (await Event(RunEventKind.Failed)).Text);
    }

    [Fact]
    public async Task Too_few_nodes_end_the_wait_with_how_many_came()
    {
        var run = Start(nodes: 2);
        await Event(RunEventKind.Data);
        run.Tell(new NodesChanged([Known("a", CreateTestProbe())], []));
        await Drain(run);

        Clock.Advance(RunActor.GatherDeadline + TimeSpan.FromSeconds(1));

        Assert.Contains("1 of 2 nodes", (await Event(RunEventKind.Failed)).Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Members_that_do_not_get_ready_are_named()
    {
        var (run, nodes) = await Asked("a", "b");
        run.Tell(Ready("a"), nodes[0]);
        await Drain(run);

        Clock.Advance(RunActor.PrepareDeadline + TimeSpan.FromSeconds(1));

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

        run.Tell(new CoordinatorActor.StopJob("run", "asked to"));

        foreach (var node in nodes)
            await node.FishForMessageAsync<StopRun>(stop => stop.Reason == "asked to");
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
        return Sys.ActorOf(RunActor.Props(Run, request, _events, _packs, TimeProvider.System));
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

    private static RunPrepared Ready(string node) => new(Run, new NodeId(node), 1, 0, 1, PackWasCached: false);

    private static MemberFinished Done(string node, string weights) =>
        new(Run, new NodeId(node), 10, Stopped: false, weights, 640, 1, Phases, null, null);

    private static Task<ActorIdentity> Drain(IActorRef actor) => actor.Ask<ActorIdentity>(new Identify(null));

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
