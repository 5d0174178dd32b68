using Akka.Actor;
using Akka.TestKit.Xunit;
using Ganymede.GpuNode;
using Ganymede.Messages;

namespace Ganymede.Tests;

/// <summary>What a node does with the Coordinator's orders, with actors that take their time to end in place of runs and samplers.</summary>
public sealed class NodeActorTests : TestKit
{
    /// <summary>Says what it is told, and ends when "end" comes, whatever else it was told.</summary>
    private sealed class Child : ReceiveActor
    {
        public sealed record Begun(object Order, IActorRef Actor);

        public Child(object order, IActorRef log)
        {
            log.Tell(new Begun(order, Self));
            Receive<string>(_ => Context.Stop(Self));
            ReceiveAny(message => log.Tell(message));
        }
    }

    [Fact]
    public async Task The_newest_run_ends_what_is_left_of_another_and_begins_after_its_end()
    {
        var node = Node();
        node.Tell(Prepare("one"));
        var one = await ExpectMsgAsync<Child.Begun>();

        node.Tell(Prepare("two"));
        Assert.Equal("one", (await ExpectMsgAsync<AbortRun>()).Run.Value);
        node.Tell(Prepare("two")); // the same run anew, for instance of the next Coordinator
        await ExpectMsgAsync<AbortRun>();
        one.Actor.Tell("end");

        Assert.Equal("two", Assert.IsType<PrepareRun>((await ExpectMsgAsync<Child.Begun>()).Order).Run.Value);
        node.Tell(Prepare("two"));
        Assert.Equal("two", (await ExpectMsgAsync<AbortRun>()).Run.Value);
    }

    [Fact]
    public async Task A_run_that_waits_for_the_end_of_another_and_is_aborted_does_not_begin()
    {
        var node = Node();
        node.Tell(Prepare("one"));
        var one = await ExpectMsgAsync<Child.Begun>();
        node.Tell(Prepare("two"));
        await ExpectMsgAsync<AbortRun>();

        node.Tell(new AbortRun(new RunId("two"), "failed"));
        one.Actor.Tell("end");
        node.Tell(Prepare("three"));

        await FishForMessageAsync(message => message is Child.Begun { Order: PrepareRun { Run.Value: "three" } } || (message is Child.Begun ? throw new InvalidOperationException("another began") : false));
    }

    [Fact]
    public async Task Drawing_that_is_asked_for_while_the_sampler_before_ends_begins_after_that_end_unless_it_is_stopped()
    {
        var node = Node();
        var (start, stop) = (new StartSampling(new JobId("job"), new GenerationPlan("/run", 1, 10, [], 5, "/images")), new StopSampling(new JobId("job")));
        node.Tell(start);
        var first = await ExpectMsgAsync<Child.Begun>();

        node.Tell(stop);
        await ExpectMsgAsync<StopSampling>();
        node.Tell(start);
        first.Actor.Tell("end");
        var second = await ExpectMsgAsync<Child.Begun>();

        node.Tell(start);
        node.Tell(stop);
        await ExpectMsgAsync<StopSampling>();
        second.Actor.Tell("end");
        await ExpectNoMsgAsync(TimeSpan.FromMilliseconds(100));
    }

    private IActorRef Node()
    {
        var log = TestActor;
        string[] devices = ["cpu"];
        return Sys.ActorOf(Props.Create(() => new NodeActor(
            ActorRefs.Nobody, new RegisterNode(new NodeId("a"), "127.0.0.1", 1, devices, 1, 1),
            (prepare, _) => ChildOf(prepare, log), (start, _) => ChildOf(start, log))));
    }

    private static Props ChildOf(object order, IActorRef log) => Props.Create(() => new Child(order, log));

    private static PrepareRun Prepare(string run) =>
        new(new RunId(run), new RunPlan("cgan-32", "{}", 1, 10, 64, 4, "/run", 0, 0, 3, 3, 1), new PackLocation("host", 1, "hash", 1), StartingState.Fresh);
}
