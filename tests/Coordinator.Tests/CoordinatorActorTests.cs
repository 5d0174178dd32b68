using Akka.Actor;
using Akka.TestKit.Xunit;
using Ganymede.Coordinator;
using Ganymede.Messages;
using Ganymede.Messages.Api;

namespace Ganymede.Tests;

/// <summary>The Coordinator's front, with test probes for nodes and for the actors of jobs.</summary>
public sealed class CoordinatorActorTests : TestKit
{
    private readonly string _folder = Directory.CreateTempSubdirectory("ganymede-front-").FullName;
    private readonly List<RunRequest> _requests = [];

    /// <summary>Stands for a run: ends, or fails, when it is told to.</summary>
    private sealed class Job : JobActor
    {
        private readonly IActorRef _log;

        public Job(IActorRef log)
        {
            _log = log;
            Receive<SteerRun>(order =>
            {
                if (order.Order == RunOrder.Checkpoint)
                    throw new InvalidOperationException("a fault of ours");
                Context.Stop(Self);
            });
            ReceiveAny(_ => { });
            log.Tell("begun");
        }

        protected override void Fail(string reason, bool badInput) => _log.Tell(reason);
    }

    [Fact]
    public async Task A_run_that_is_started_by_its_presets_name_has_all_that_the_preset_comes_to()
    {
        var (front, node) = await Front();

        var asked = front.Ask<SteeringAnswer>(Order("wgan"), TimeSpan.FromSeconds(10));
        await node.ExpectMsgAsync<ResolvePreset>();
        node.Reply(new PresetResolved("wgan-32", "{}", 32, 3, 64, 4, 100, null) { CriticSteps = 5 });

        Assert.True((await asked).Done);
        var request = Assert.Single(_requests);
        Assert.Equal(("wgan-32", 5, 32, 3, 64, 4, 100L), (request.PresetName, request.CriticSteps, request.Size, request.Channels, request.Batch, request.Shards, request.Steps));
        Assert.Equal(5, RunFolder.ReadRequest(request.Folder)!.CriticSteps);
    }

    [Fact]
    public async Task What_cannot_be_a_path_is_refused_by_name()
    {
        var (front, _) = await Front();

        foreach (var order in new object[] { Order("a\0b"), Order("a\0b") with { Resume = true }, new StartGeneration("r", 1, [], null, "/x\0", 1, "ops"), new StartGeneration("\0", 1, [], null, "", 1, "ops") })
        {
            var answer = await front.Ask<SteeringAnswer>(order, TimeSpan.FromSeconds(10));
            Assert.False(answer.Done);
            Assert.Contains("U+0000", Assert.Single(answer.Lines), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_node_in_a_run_that_is_over_or_that_nobody_leads_is_told_to_drop_it()
    {
        var (front, node) = await Front();
        var run = await Submit(front);

        front.Tell(Registration("c") with { Run = new ActiveRun(new RunId("another"), _folder) }, node);
        Assert.Contains(run, (await node.FishForMessageAsync<AbortRun>(abort => abort.Run.Value == "another")).Reason, StringComparison.Ordinal);

        front.Tell(new SteerRun(run, RunOrder.Stop, "ops"));
        await AwaitAssertAsync(async () =>
        {
            front.Tell(Registration("a") with { Run = new ActiveRun(new RunId(run), _folder) }, node);
            await node.FishForMessageAsync<AbortRun>(abort => abort is { Reason: "this run is over" }, TimeSpan.FromMilliseconds(200));
        });
    }

    [Fact]
    public async Task A_job_whose_actor_fails_says_why_and_is_not_begun_again()
    {
        var (front, _) = await Front();
        var run = await Submit(front);
        await ExpectMsgAsync("begun");

        front.Tell(new SteerRun(run, RunOrder.Checkpoint, "ops"), ActorRefs.NoSender);

        await ExpectMsgAsync("The Coordinator failed on SteerRun: a fault of ours");
        await AwaitAssertAsync(async () => Assert.IsType<Accepted>(await front.Ask<object>(new CoordinatorActor.SubmitRun(Request()))));
        await ExpectMsgAsync("begun");
    }

    [Fact]
    public async Task Trials_get_nodes_of_their_own_and_a_node_that_comes_goes_to_whoever_lost_one()
    {
        var told = CreateTestProbe();
        var front = Sys.ActorOf(Akka.Actor.Props.Create(() => new CoordinatorActor(
            (run, _, _) => Akka.Actor.Props.Create(() => new Listener(run.Value, told)), (_, _) => Props(TestActor), TimeProvider.System, null, _folder)));
        async Task<Akka.TestKit.TestProbe> Join(string name)
        {
            var node = CreateTestProbe();
            front.Tell(Registration(name), node);
            await node.ExpectMsgAsync<NodeRegistered>();
            return node;
        }

        Task<object> Ask(bool trial) => front.Ask<object>(new CoordinatorActor.SubmitRun(Request() with { Trial = trial }));
        async Task Has(string run, string nodes) => await told.FishForMessageAsync<string>(text => text == $"{run}: {nodes}");

        var a = await Join("a");
        await Join("b");
        var first = Assert.IsType<Accepted>(await Ask(trial: true)).Id;
        await Has(first, "a");
        var second = Assert.IsType<Accepted>(await Ask(trial: true)).Id;
        await Has(second, "b");
        Assert.Contains("0 of 1 nodes are free", Assert.Single(Assert.IsType<Refused>(await Ask(trial: true)).Problems), StringComparison.Ordinal);
        Assert.Contains("Trials are still going on", Assert.Single(Assert.IsType<Refused>(await Ask(trial: false)).Problems), StringComparison.Ordinal);
        var which = await front.Ask<SteeringAnswer>(new SteerRun("", RunOrder.Pause, "ops"));
        Assert.Contains(second, Assert.Single(which.Lines), StringComparison.Ordinal);

        Sys.Stop(a);
        await Has(first, "");
        await Join("c");
        await Has(first, "c");

        front.Tell(new SteerRun(second, RunOrder.Stop, "ops"));
        await AwaitAssertAsync(async () => Assert.IsType<Accepted>(await Ask(trial: true)));
    }

    /// <summary>Stands for a run that says which nodes it has.</summary>
    private sealed class Listener : ReceiveActor
    {
        public Listener(string run, IActorRef told)
        {
            Receive<NodesChanged>(changed => told.Tell($"{run}: {string.Join(",", changed.Nodes.Select(node => node.Id.Value))}"));
            Receive<SteerRun>(_ => Context.Stop(Self));
        }
    }

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    private async Task<(IActorRef Front, Akka.TestKit.TestProbe Node)> Front()
    {
        var (node, log) = (CreateTestProbe(), TestActor);
        var front = Sys.ActorOf(Akka.Actor.Props.Create(() => new CoordinatorActor(
            (_, request, _) => Run(request, log), (_, _) => Props(log), TimeProvider.System, null, _folder)));
        front.Tell(Registration("a"), node);
        await node.ExpectMsgAsync<NodeRegistered>();
        return (front, node);
    }

    private Props Run(RunRequest request, IActorRef log)
    {
        _requests.Add(request);
        return Props(log);
    }

    private static Props Props(IActorRef log) => Akka.Actor.Props.Create(() => new Job(log));

    private async Task<string> Submit(IActorRef front) => (await front.Ask<Accepted>(new CoordinatorActor.SubmitRun(Request()))).Id;

    private RunRequest Request() => new()
    {
        Folder = _folder, PresetName = "cgan-32", Preset = "{}", Data = "fashion-mnist", Size = 32, Channels = 1, Seed = 1, Steps = 10, Batch = 64, Shards = 4, Nodes = 1,
    };

    private static RegisterNode Registration(string name) => RunStateTests.Node(name);

    private static StartRun Order(string folder) => new("wgan-32", [], "", 0, 0, null, folder, Resume: false, "ops");
}
