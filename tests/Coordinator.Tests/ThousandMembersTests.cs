using System.Diagnostics;
using Akka.Actor;
using Akka.TestKit;
using Akka.TestKit.Xunit;
using Ganymede.Collectives;
using Ganymede.Coordinator;
using Ganymede.Coordinator.Runs;
using Ganymede.Messages;
using Ganymede.Messages.Api;

namespace Ganymede.Tests;

/// <summary>The real actor of a run with a thousand simulated members, in virtual time: what a change of views costs the Coordinator.</summary>
public sealed class ThousandMembersTests() : TestKit("akka.scheduler.implementation = \"Akka.TestKit.TestScheduler, Akka.TestKit\"\nakka.loglevel = WARNING")
{
    /// <summary>A quarter of them in the checks of every change; what is measured grows with their number.</summary>
    private static readonly int Members = Slow.Or(1024, 256);

    private const int Dead = 200;
    private static readonly RunId Run = new("run");

    private readonly string _folder = Directory.CreateTempSubdirectory("ganymede-thousand-").FullName;

    private sealed class VirtualTime(Func<DateTimeOffset> now) : TimeProvider
    {
        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => now().UtcTicks;

        public override DateTimeOffset GetUtcNow() => now();
    }

    /// <summary>Counts what the run's actor is told, on its way there.</summary>
    private sealed class Counter(IActorRef to) : UntypedActor
    {
        public static long Told;

        protected override void OnReceive(object message)
        {
            Interlocked.Increment(ref Told);
            to.Forward(message);
        }
    }

    /// <summary>A node that does what it is told at once. Told "dead" it does nothing any more; told of a step, it has taken it.</summary>
    private sealed class Member : ReceiveActor
    {
        public static int InView;

        public sealed record Commit(long Step, bool Reports);

        public sealed record Suspect(NodeId Who);

        private long _view;
        private long _position;

        public Member(NodeId node, Func<IActorRef> coordinator)
        {
            Receive<PrepareRun>(_ => coordinator().Tell(new RunPrepared(Run, node, 0, 1, PackWasCached: true)));
            Receive<ViewIssued>(issued =>
            {
                (_view, _position) = (issued.View.Number, issued.Position);
                Interlocked.Increment(ref InView);
            });
            Receive<HaltView>(halt => coordinator().Tell(new MemberHalted(Run, node, halt.View, _position, 1)));
            Receive<Commit>(commit =>
            {
                _position = 2 * commit.Step;
                if (commit.Reports)
                    coordinator().Tell(new ProgressReport(Run, node, _view, commit.Step, 0, 0, 0, new PhaseSeconds(0, 0, 0), 0, 0, 0));
            });
            Receive<Suspect>(suspect => coordinator().Tell(new PeerSuspect(Run, node, _view, [suspect.Who], _position / 2, 0, 0, 0, Diverged: false, "closed the connection")));
            Receive<string>(_ => Become(() => ReceiveAny(_ => { })));
        }
    }

    [Fact]
    public async Task A_member_of_a_thousand_dies_and_the_others_are_in_a_new_view_within_two_seconds()
    {
        var scheduler = (TestScheduler)Sys.Scheduler;
        var events = new Ganymede.Coordinator.EventLog(TimeProvider.System);
        await using var packs = PackServer.Listen("127.0.0.1", "127.0.0.1", 0, _ => { });
        var request = new RunRequest
        {
            Folder = _folder, PresetName = "cgan-32", Preset = "{}", Data = "fashion-mnist", Size = 32, Channels = 1, Seed = 1, Steps = 1_000_000,
            Batch = 1024, Shards = 1024, Nodes = Members,
        };
        // The dead one's host does not say that the port refuses: the slow way.
        var run = Sys.ActorOf(RunActor.Props(Run, request, null, events, packs, new VirtualTime(() => scheduler.Now), _ => ProbeAnswer.Silent));
        var counter = Sys.ActorOf(Akka.Actor.Props.Create(() => new Counter(run)));
        var members = Enumerable.Range(0, Members).Select(i => new NodeId($"node-{i:D4}"))
            .Select(node => new KnownNode(RunStateTests.Node(node.Value), Sys.ActorOf(Akka.Actor.Props.Create(() => new Member(node, () => counter))))).ToArray();
        run.Tell(new NodesChanged([.. members], []));
        await Until(() => Member.InView == Members, "the first view");

        // A hundred steps of a second each, reported as members do.
        var before = Interlocked.Read(ref Counter.Told);
        for (var step = 1; step <= 100; step++)
        {
            foreach (var (member, index) in members.Select((member, index) => (member, index)))
                member.Actor.Tell(new Member.Commit(step, Reports: index == 0 || (step + index) % 50 == 0));
            scheduler.Advance(TimeSpan.FromSeconds(1));
        }

        await Until(() => Interlocked.Read(ref Counter.Told) - before >= 100 + 2 * (Members - 1), "the reports");
        var registrations = Members / 45.0; // NodeActor.RepetitionPeriod, to the Coordinator's front
        var perStep = (Interlocked.Read(ref Counter.Told) - before) / 100.0 + registrations;
        Assert.InRange(perStep, 1, 0.05 * Members);

        // Its peers wait 1.5 s before they suspect it (silence, then a probe); a closed socket would be faster.
        members[Dead].Actor.Tell("dead");
        var cpu = Process.GetCurrentProcess().TotalProcessorTime;
        Member.InView = 0;
        foreach (var member in members)
            member.Actor.Tell(new Member.Suspect(members[Dead].Id));
        var waited = TimeSpan.Zero;
        while (Member.InView == 0 && waited < TimeSpan.FromSeconds(10))
        {
            scheduler.Advance(StallDeadlines.OfSeconds(3).Beat);
            waited += StallDeadlines.OfSeconds(3).Beat;
            await run.Ask<ActorIdentity>(new Identify(null));
            await Task.WhenAll(members.Where((_, index) => index != Dead).Select(member => member.Actor.Ask<ActorIdentity>(new Identify(null))));
            await counter.Ask<ActorIdentity>(new Identify(null));
            await run.Ask<ActorIdentity>(new Identify(null));
        }

        await Until(() => Member.InView == Members - 1, "the second view");
        var spent = Process.GetCurrentProcess().TotalProcessorTime - cpu;
        TestContext.Current.SendDiagnosticMessage($"{perStep:0.0} messages a step; new view after {waited.TotalSeconds:0.00} s of virtual time, {spent.TotalSeconds:0.00} s of processor time, the simulated members' included");
        Assert.InRange(waited, TimeSpan.Zero, TimeSpan.FromSeconds(2));
        Assert.InRange(spent, TimeSpan.Zero, TimeSpan.FromSeconds(20));
    }

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    private static async Task Until(Func<bool> condition, string what)
    {
        var start = Stopwatch.GetTimestamp();
        while (!condition())
        {
            Assert.True(Stopwatch.GetElapsedTime(start) < TimeSpan.FromSeconds(60), $"not within a minute: {what}");
            await Task.Delay(20);
        }
    }
}
