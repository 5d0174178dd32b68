using System.Runtime.Serialization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Akka.Actor;
using Akka.Configuration;
using Akka.Serialization;
using Ganymede.Messages;
using MessagePack;

namespace Ganymede.Tests;

/// <summary>What crosses the wire between processes, through the serializer that the programs use.</summary>
public sealed class ClusterMessageTests : IAsyncLifetime
{
    private static readonly RunId Run = new("cgan-32-20260101-000000-abcdef");
    private static readonly NodeId Node = new("node-1");
    private static readonly JobId Job = new("generate-1");
    private static readonly View View = new(3, [new ViewMember(Node, "host", 4053, 0, 2, 2), new ViewMember(new NodeId("b"), "host", 4054, 2, 2, 1)]);
    private static readonly RunPlan Plan = new("cgan-32", "{}", ulong.MaxValue, 20, 64, 4, "/runs/a", 5, 10, 3, 4, 5);
    private static readonly PhaseSeconds Phases = new(1, 2, 3);
    private static readonly MemberDescription Member = new("node-1", "training", 0, 2, 10, 100.5, 50, 1 << 30);
    private static readonly RunDescription Description = new(
        "run", "training", "cgan-32", "fashion-mnist", "/runs/a", ulong.MaxValue, 10, 100, 64, 4, 2, DateTimeOffset.UnixEpoch, null, 1.5, double.NaN, 6, 400, 15, 3, "pbm",
        "View 3", [Member], [new ViewDescription(3, DateTimeOffset.UnixEpoch, 10, "G", "c is gone", ["node-1: 0..1"])]);
    private static readonly GenerationPlan Generation = new("/runs/a", 9, 1000, ["bag"], 50, "/images");

    private static readonly JsonSerializerOptions _json = new() { NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals };

    private ActorSystem _system = null!;

    /// <summary>One of each message; <see cref="Every_message_is_tried"/> holds the list to be whole.</summary>
    public static TheoryData<string, IClusterMessage> Messages()
    {
        IClusterMessage[] messages =
        [
            new RegisterNode(Node, "127.0.0.1", 1234, ["cpu", "cuda:0"], 2, 99) { Run = new ActiveRun(Run, "/runs/a") },
            new NodeRegistered(Node),
            new PrepareRun(Run, Plan, new PackLocation("host", 1, "abc", 5), StartingState.FromMember),
            new RunPrepared(Run, Node, 10, ulong.MaxValue, PackWasCached: true, PassedOver: "step-00000020: torn"),
            new ViewIssued(Run, View, 1_800_000_000_000, 21, Node, ulong.MaxValue, [new NodeId("b")], "c is gone"),
            new HaltView(Run, 3, "c is gone"),
            new PauseView(Run, 3, "joining: b", Checkpoint: true),
            new PeerSuspect(Run, Node, 3, [new NodeId("b")], 10, 1, 2, 0.5, Diverged: true, "closed the connection"),
            new MemberHalted(Run, Node, 3, 21, ulong.MaxValue),
            new MemberAlive(Run, Node, 3),
            new LeaveRun(Run, Node, "SIGTERM"),
            new RunOver(Run),
            new DescribeMember(Run),
            new MemberReport(Run, Node, View, 21, ulong.MaxValue, Waits: true) { Incarnation = 7 },
            new StopRun(Run, "asked"),
            new AbortRun(Run, "lost b"),
            new ProgressReport(Run, Node, 3, 12, double.NaN, 0.5, 1.5, Phases, 100, 1 << 30, 1) { ShardTime = new ShardTime(0.5, 8) },
            new ArtifactWritten(Run, Node, "grid", "/runs/a/grids/step.png", 12),
            new ControllerActed(Run, Node, 120, Stops: true, "D is sure of the real images"),
            new MemberFinished(Run, Node, 20, Stopped: false, "hash", 1280, 2.5, Phases, "/c", null, 3, ulong.MaxValue, 4),
            new MemberFailed(Run, Node, "disk full", BadInput: false),
            new StartSampling(Job, Generation),
            new SamplerReady(Job, Node, "/c", "key"),
            new RequestUnit(Job, Node),
            new UnitLeased(Job, 7),
            new UnitCommitted(Job, Node, 7, 50),
            new SamplingFailed(Job, Node, "no", BadInput: true),
            new StopSampling(Job),
            new CheckpointRun(Run, "asked"),
            new HoldRun(Run),
            new NodeDrained("pbm 127.0.0.1:5"),
            new SteerRun("run", RunOrder.Checkpoint, "pbm 127.0.0.1:5"),
            new SteerNode("node-1", NodeOrder.Undrain, "api key ops"),
            new CancelGeneration("generate-1", "pbm"),
            new StartRun("cgan-32", ["batch=8"], "/data", 10, 2, 7, "/runs/a", Resume: true, "pbm") { Shards = 4, Batch = 8, CheckpointEvery = 5, SampleEvery = 6, MaxStallSeconds = 2.5 },
            new StartGeneration("run", 100, ["bag"], 9, "/images", 2, "pbm"),
            new SteeringAnswer(Done: true, ["done"], "run", Unknown: false),
            new ListRuns(),
            new DescribeRun("run"),
            new ListNodes(),
            new ListGenerations(),
            new ReadEvents("run", 5, 100),
            new RunList([Description]),
            new NodeList([new NodeDescription("node-1", "akka.tcp://ganymede@host:1", "host:2", ["cpu"], 1, 99, "training", "pbm", "run", 3, Member, DateTimeOffset.UnixEpoch, true)]),
            new GenerationList([new GenerationDescription("generate-1", "drawing", "/runs/a", "/images", 5, 10, 2.5, ["node-1"], DateTimeOffset.UnixEpoch, null, "drawing")]),
            new EventPage("run", [new EventLine(5, DateTimeOffset.UnixEpoch, "state", "View 3")], IsLast: true),
            new ResolvePreset("cgan-32", ["batch=8"], 8, 4),
            new PresetResolved("cgan-32", "{}", 32, 1, 8, 4, 100, "no") { CriticSteps = 5 },
        ];
        return [.. messages.Select(message => new TheoryDataRow<string, IClusterMessage>(message.GetType().Name, message))];
    }

    [Theory]
    [MemberData(nameof(Messages))]
    public void A_message_survives_the_wire(string name, IClusterMessage message)
    {
        var serializer = Assert.IsType<MessagePackClusterSerializer>(_system.Serialization.FindSerializerFor(message));

        var received = serializer.FromBinary(serializer.ToBinary(message), serializer.Manifest(message));

        Assert.Equal(name, serializer.Manifest(message));
        Assert.IsType(message.GetType(), received);
        Assert.Equal(Json(message), Json(received));
    }

    [Fact]
    public void Every_message_is_tried() =>
        Assert.Equal(
            MessagePackClusterSerializer.Manifests.Keys.Order(StringComparer.Ordinal),
            Messages().Select(row => row.Data.Item1).Order(StringComparer.Ordinal));

    [Fact]
    public void Every_message_is_a_sealed_record_with_keys()
    {
        foreach (var type in MessagePackClusterSerializer.Manifests.Values)
        {
            Assert.True(type.IsSealed, $"{type.Name} is not sealed");
            Assert.True(type.IsDefined(typeof(MessagePackObjectAttribute), inherit: false), $"{type.Name} has no MessagePack keys");
            Assert.True(type.GetMethod("<Clone>$") is not null, $"{type.Name} is not a record");
        }
    }

    [Fact]
    public void What_is_not_a_cluster_message_is_refused_instead_of_written_as_JSON()
    {
        foreach (var stranger in new object[] { new Dictionary<string, int> { ["a"] = 1 }, new Uri("http://localhost"), View })
        {
            var serializer = Assert.IsType<RefusingSerializer>(_system.Serialization.FindSerializerFor(stranger));

            var refusal = Assert.Throws<SerializationException>(() => serializer.ToBinary(stranger));
            Assert.Contains(stranger.GetType().FullName!, refusal.Message, StringComparison.Ordinal);
        }

        Assert.Throws<SerializationException>(() => _system.Serialization.FindSerializerFor(View).FromBinary<object>([1, 2, 3]));

        // Nor is JSON taken in: Akka's own serializer for it, number 1, is not there for a peer to name.
        Assert.Throws<SerializationException>(() => _system.Serialization.Deserialize("{}"u8.ToArray(), 1, "System.Uri, System"));
    }

    [Fact]
    public void A_manifest_names_a_message_of_ours_or_nothing()
    {
        var serializer = (MessagePackClusterSerializer)_system.Serialization.FindSerializerFor(new NodeRegistered(Node));

        foreach (var manifest in new[] { "System.Diagnostics.Process, System.Diagnostics.Process", "", "RunPlan", "nodeRegistered" })
            Assert.Throws<SerializationException>(() => serializer.FromBinary([0x90], manifest));
    }

    [Fact]
    public void Damaged_bytes_are_an_error_and_never_a_large_allocation()
    {
        var serializer = (MessagePackClusterSerializer)_system.Serialization.FindSerializerFor(new NodeRegistered(Node));
        var whole = serializer.ToBinary(new ViewIssued(Run, View, 1, 21, Node, 5, [Node], "c is gone"));
        var random = new Random(1);
        var before = GC.GetTotalAllocatedBytes();

        for (var trial = 0; trial < 2000; trial++)
        {
            var damaged = whole.ToArray();
            for (var flip = 0; flip < 4; flip++)
                damaged[random.Next(damaged.Length)] = (byte)random.Next(256);

            try
            {
                serializer.FromBinary(damaged[..random.Next(1, damaged.Length + 1)], nameof(ViewIssued));
            }
            catch (Exception error) when (error is MessagePackSerializationException or SerializationException or EndOfStreamException)
            {
                // What a damaged message has to end in, unless the flip hit a figure or a letter.
            }
        }

        Assert.InRange(GC.GetTotalAllocatedBytes() - before, 0, 200L << 20);
    }

    /// <summary>Every property, keyed or not, so that a forgotten key shows.</summary>
    private static string Json(object message) =>
        JsonSerializer.Serialize(message, message.GetType(), _json);

    public ValueTask InitializeAsync()
    {
        _system = ActorSystem.Create("wire", ClusterHosting.Settings);
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync() => await _system.Terminate();
}
