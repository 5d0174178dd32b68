using System.Net;
using System.Net.Sockets;
using Ganymede.Collectives;

namespace Ganymede.Tests;

/// <summary>What a peer that misbehaves gets: a closed connection and a line in the log with its address.</summary>
[Collection(nameof(Alone))]
public sealed class HostilePeerTests
{
    private const ElementType Type = ElementType.Float32;

    public static TheoryData<string, string> Lies => new()
    {
        { "checksum", "checksum is wrong" },
        { "step", "is at step 2" },
        { "phase", "phase 9" },
        { "view", "frame of view 5" },
        { "offset", "were due" },
        { "count", "were due" },
        { "node", "were due" },
        { "type", "were due" },
        { "length", "were due" },
        { "kind", "not due" },
        { "early result", "were due" },
        { "garbage", "not a frame" },
        { "truncated", "in the middle of a frame" },
    };

    [Theory]
    [MemberData(nameof(Lies))]
    public async Task A_party_that_breaks_the_protocol_is_named_with_what_it_did(string lie, string said)
    {
        await using var cluster = new Members(2, 2, options => options with { ChunkBytes = 1024 });
        using var group = cluster.Join(1);
        using var peer = new RawPeer(cluster, 0, 1);
        var sum = new byte[4000];
        peer.Begin(1, 1, Type, 1000);
        var piece = peer.Piece(1, 1, Type, 1, 0, sum);
        if (lie is "garbage" or "truncated")
        {
            peer.Socket.Send(Enumerable.Range(0, lie == "garbage" ? 500 : 20).Select(i => (byte)(i * 31 + 7)).ToArray());
            peer.Socket.Shutdown(SocketShutdown.Send);
        }
        else
        {
            peer.Stream.Send(
                lie switch
                {
                    "checksum" => piece with { Checksum = piece.Checksum + 1 },
                    "step" => piece with { Step = 2 },
                    "phase" => piece with { Phase = 9 },
                    "view" => piece with { View = 5 },
                    "offset" => piece with { Offset = piece.Offset + 16 },
                    "count" => piece with { Count = 1 },
                    "node" => piece with { Node = 3 },
                    "type" => piece with { Type = 2 },
                    "length" => piece with { PayloadBytes = int.MaxValue },
                    "kind" => piece with { Kind = (FrameKind)77 },
                    _ => piece with { Kind = FrameKind.Result, PayloadBytes = int.MaxValue },
                },
                sum.AsSpan(0, 1024));
        }

        var partials = Members.PartialsOf(2, cluster.Owned[1], Type, Reference.Shards(Type, 2, 1000, 1));
        var error = Assert.Throws<CollectiveException>(() => group.AllReduce(1, 1, Type, partials.Complete, new byte[4000]));
        Assert.Equal("member-0", error.Party);
        Assert.Contains(said, error.Message, StringComparison.Ordinal);
        Assert.Contains(cluster.Lines, line => line.Contains(said, StringComparison.Ordinal));
    }

    public static TheoryData<string, string> Greetings => new()
    {
        { "http", "does not speak this protocol" },
        { "length", "1024 are the limit" },
        { "negative length", "1024 are the limit" },
        { "truncated", "closed the connection during the handshake" },
        { "silent", "did not finish its handshake" },
        { "version", $"protocol version 1, not {Handshake.ProtocolVersion}" },
        { "magic", "does not speak this protocol" },
        { "nested", "cannot be read" },
    };

    [Theory]
    [MemberData(nameof(Greetings))]
    public async Task A_stranger_is_turned_away_with_a_line_that_has_its_address(string greeting, string said)
    {
        await using var cluster = new Members(2, 2, options => options with { MaxStall = TimeSpan.FromMilliseconds(greeting == "silent" ? 200 : 3000) });
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        socket.Connect("127.0.0.1", cluster.Planes[0].Port);
        var address = (IPEndPoint)socket.LocalEndPoint!;
        socket.Send(greeting switch
        {
            "http" => "GET / HTTP/1.1\r\n\r\n"u8.ToArray(),
            "length" => [0xc6, 0x7f, 0xff, 0xff, 0xff, 1, 2, 3],
            "negative length" => [0xc6, 0xff, 0xff, 0xff, 0xff, 1, 2, 3],
            "truncated" => [0xc6, 0, 0, 1, 0, 1, 2, 3],
            "version" => [0xc6, 0, 0, 0, 16, 0x9b, 0xad, .. "ganymede-data"u8, 1],
            "magic" => [0xc6, 0, 0, 0, 16, 0x9b, 0xad, .. "ganymede-dada"u8, Handshake.ProtocolVersion],
            "nested" => [0xc6, 0, 0, 0, 18, 0x9b, 0xad, .. "ganymede-data"u8, Handshake.ProtocolVersion, 0x91, 0x91],
            _ => [],
        });
        if (greeting == "truncated")
        {
            socket.Shutdown(SocketShutdown.Send);
        }

        socket.ReceiveTimeout = 5000;
        var closed = Record.Exception(() => Assert.Equal(0, socket.Receive(new byte[100]))) is null or SocketException { SocketErrorCode: SocketError.ConnectionReset };
        Assert.True(closed, "the connection was not closed");
        Assert.True(SpinWait.SpinUntil(() => !cluster.Lines.IsEmpty, TimeSpan.FromSeconds(5)));
        var line = Assert.Single(cluster.Lines);
        Assert.Contains(said, line, StringComparison.Ordinal);
        Assert.Contains($"127.0.0.1:{address.Port}", line, StringComparison.Ordinal);
    }

    public static TheoryData<string, string> Claims => new()
    {
        { "old view", "is over: view 3 has begun" },
        { "run", "was not joined here within" },
        { "future view", "was not joined here within" },
        { "name", "does not connect to this one" },
        { "index", "does not connect to this one" },
        { "acceptor", "this is party 'member-1'" },
        { "layout", "other parties, shards or chunks" },
        { "lane", "there is no connection 1 among 1 here" },
    };

    [Theory]
    [MemberData(nameof(Claims))]
    public async Task A_peer_of_another_run_view_or_layout_is_fenced_with_a_reason(string claim, string said)
    {
        await using var cluster = new Members(2, 2, options => options with { MaxStall = TimeSpan.FromMilliseconds(300), JoinDeadline = TimeSpan.FromMilliseconds(300) });
        using var group = cluster.Join(1, view: 3);
        using var peer = new RawPeer(cluster, 0, 1, view: 3, hello => claim switch
        {
            "old view" => hello with { View = 2 },
            "run" => hello with { Run = "another" },
            "future view" => hello with { View = 4 },
            "name" => hello with { Name = "member-7" },
            "index" => hello with { Index = 1 },
            "acceptor" => hello with { AcceptorName = "member-9" },
            "lane" => hello with { Lane = 1 },
            _ => hello with { Layout = 1 },
        });
        Assert.False(peer.Reply.Accepted);
        Assert.Contains(said, peer.Reply.Reason, StringComparison.Ordinal);
        Assert.True(SpinWait.SpinUntil(() => !cluster.Lines.IsEmpty, TimeSpan.FromSeconds(5)));
        Assert.Contains("127.0.0.1:", Assert.Single(cluster.Lines), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_second_connection_in_one_party_s_name_is_refused()
    {
        await using var cluster = new Members(2, 2);
        using var group = cluster.Join(1);
        using var first = new RawPeer(cluster, 0, 1);
        using var second = new RawPeer(cluster, 0, 1);
        Assert.True(first.Reply.Accepted);
        Assert.Contains("already connected", second.Reply.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_peer_that_is_faster_waits_until_its_view_is_joined_here()
    {
        await using var cluster = new Members(2, 2);
        using var early = cluster.Join(0, view: 9);
        var fast = Task.Run(() => FailureTests.Reduce(early, cluster, 0, 1, 1));
        Assert.True(SpinWait.SpinUntil(() => early.IsBusy && early.Debts().Any(debt => !debt.Unreached), TimeSpan.FromSeconds(5)));
        Assert.False(fast.IsCompleted);
        using var late = cluster.Join(1, view: 9);
        FailureTests.Reduce(late, cluster, 1, 1, 1);
        await fast.WaitAsync(TimeSpan.FromSeconds(5));
        Assert.Empty(cluster.Lines);
    }

    [Fact]
    public async Task A_newer_view_ends_the_older_one_and_works()
    {
        await using var cluster = new Members(4, 3);
        var old = cluster.JoinAll(view: 1);
        var waiting = Task.Run(() => Record.Exception(() => FailureTests.Reduce(old[0], cluster, 0, 1, 1)));
        Assert.True(SpinWait.SpinUntil(() => old[0].IsBusy, TimeSpan.FromSeconds(5)));
        var groups = cluster.JoinAll(view: 2);
        Assert.Contains("view 2 has begun", Assert.IsType<CollectiveException>(await waiting).Message, StringComparison.Ordinal);
        Members.Run(3, member => FailureTests.Reduce(groups[member], cluster, member, 1, 1));
        Assert.Throws<ArgumentException>(() => cluster.Join(0, view: 2));
    }

    [Fact]
    public async Task Two_thousand_garbage_connections_do_not_disturb_an_all_reduce()
    {
        await using var cluster = new Members(4, 2, options => options with { MaxStall = TimeSpan.FromSeconds(2) });
        var groups = cluster.JoinAll();
        var hello = Hello(cluster);
        var stop = false;
        var steps = 0;
        var training = Task.Run(() => Members.Run(2, member =>
        {
            var shards = Reference.Shards(Type, 4, 5000, 3);
            var expected = Reference.Sum(Type, shards);
            var partials = Members.PartialsOf(4, cluster.Owned[member], Type, shards);
            var result = new byte[expected.Length];
            // Both stop at the same step: the sum of their wishes decides, as in training.
            for (var step = 0L; ; step++)
            {
                groups[member].AllReduce(step, 1, Type, partials.Complete, result);
                Assert.True(expected.AsSpan().SequenceEqual(result));
                var wish = new byte[16];
                BitConverter.TryWriteBytes(wish, Volatile.Read(ref stop) ? 1f : 0f);
                var zero = new byte[16];
                var wishes = Members.PartialsOf(4, cluster.Owned[member], Type, [wish, zero, wish, zero]);
                groups[member].AllReduce(step, 2, Type, wishes.Complete, zero);
                Interlocked.Increment(ref steps);
                if (BitConverter.ToSingle(zero) > 0)
                {
                    return;
                }
            }
        }));
        var before = GC.GetTotalMemory(forceFullCollection: true);
        var random = new Random(5);
        var sent = 0;
        for (; sent < 2000 || Volatile.Read(ref steps) < 100; sent++)
        {
            Assert.False(training.IsCompleted, "training ended");
            using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
            socket.Connect("127.0.0.1", cluster.Planes[sent % 2].Port);
            var bytes = Garbage(random, hello);
            Record.Exception(() => socket.Send(bytes));
            if (random.Next(2) == 0)
            {
                socket.LingerState = new LingerOption(true, 0);
            }
        }

        Volatile.Write(ref stop, true);
        await training.WaitAsync(TimeSpan.FromSeconds(20));
        Assert.True(GC.GetTotalMemory(forceFullCollection: true) - before < 64 << 20, "memory grew");
        // Not quite all: a greeting whose view was turned into a later one is still waiting for it.
        Assert.True(SpinWait.SpinUntil(() => cluster.Lines.Count >= sent * 0.97, TimeSpan.FromSeconds(10)), $"{cluster.Lines.Count} lines");
        Assert.All(cluster.Lines, line => Assert.Contains("closed ", line, StringComparison.Ordinal));
    }

    /// <summary>The bytes of a good greeting, to be spoilt.</summary>
    private static byte[] Hello(Members cluster)
    {
        using var listener = new Socket(SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        using var sender = new Socket(SocketType.Stream, ProtocolType.Tcp);
        sender.Connect(listener.LocalEndPoint!);
        using var receiver = listener.Accept();
        Handshake.Send(sender, new Hello(HelloPurpose.Join, cluster.RunId, 1, 0, "member-0", 1, "member-1", 5, ""));
        var bytes = new byte[2048];
        return bytes[..receiver.Receive(bytes)];
    }

    private static byte[] Garbage(Random random, byte[] hello)
    {
        var bytes = (byte[])hello.Clone();
        switch (random.Next(5))
        {
            case 0: // noise
                bytes = new byte[random.Next(0, 3000)];
                random.NextBytes(bytes);
                break;
            case 1: // a good head, noise behind it
                bytes = new byte[random.Next(6, 1000)];
                random.NextBytes(bytes);
                RawPeer.WriteLength(bytes, bytes.Length - 5);
                break;
            case 2: // cut short
                bytes = bytes[..random.Next(0, bytes.Length)];
                break;
            case 3: // a few bytes turned
                for (var i = random.Next(1, 5); i > 0; i--)
                {
                    bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
                }

                break;
            default: // any length announced
                RawPeer.WriteLength(bytes, random.Next(int.MinValue, int.MaxValue));
                break;
        }

        return bytes;
    }
}
