using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Ganymede.Collectives;

namespace Ganymede.Tests;

public sealed class FailureTests
{
    private const ElementType Type = ElementType.Float32;
    private const int Elements = 100_000;

    [Fact]
    public async Task A_party_that_dies_in_the_middle_of_a_phase_is_named_with_step_phase_and_chunk_within_a_second()
    {
        await using var cluster = new Members(2, 2, options => options with { ChunkBytes = 16 * 1024 });
        using var group = cluster.Join(1);
        using var peer = new RawPeer(cluster, self: 0, target: 1);
        Assert.True(peer.Reply.Accepted, peer.Reply.Reason);
        var sum = new byte[Elements * 4];
        peer.Begin(7, 2, Type, Elements);
        for (var chunk = 0; chunk < 3; chunk++)
        {
            peer.Send(peer.Piece(7, 2, Type, 1, chunk, sum), Type, sum);
        }

        var reduce = Task.Run(() => Record.Exception(() => Reduce(group, cluster, 1, 7, 2)));
        // The first results are the proof that its pieces have been taken in: now it dies.
        FrameHeader header;
        do
        {
            header = peer.Stream.ReceiveHeader();
            peer.Stream.ReceivePayload(header, new byte[header.PayloadBytes]);
        }
        while (header.Kind != FrameKind.Result || header.Offset < Elements / 2 + 2 * 4096);

        var died = Stopwatch.GetTimestamp();
        peer.Die();
        var error = Assert.IsType<CollectiveException>(await reduce);
        Assert.True(Stopwatch.GetElapsedTime(died) < TimeSpan.FromSeconds(1), "named too late");
        Assert.Equal(("member-0", 7L, 2, 3), (error.Party, error.Step, error.Phase, error.Chunk));
        Assert.Contains("step 7, phase 2, chunk 3: party 'member-0' at 127.0.0.1:", error.Message, StringComparison.Ordinal);
        Assert.Contains(cluster.Lines, line => line.Contains("member-0", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(1, Algorithm.Direct)]
    [InlineData(4, Algorithm.Direct)]
    [InlineData(1, Algorithm.Doubling)]
    [InlineData(4, Algorithm.Doubling)]
    public async Task All_survivors_name_the_dead_party_even_when_one_hangs_up_at_once(int connections, Algorithm algorithm)
    {
        await using var cluster = new Members(4, 4, options => options with { Connections = connections, ChunkBytes = 64 * 1024, Algorithm = algorithm });
        var groups = cluster.JoinAll();
        Members.Run(4, member => Reduce(groups[member], cluster, member, 1, 1));
        var died = 0L;
        var outcomes = Members.Outcomes(4, member =>
        {
            if (member == 2)
            {
                Thread.Sleep(50); // computing, when it dies
                died = Stopwatch.GetTimestamp();
                groups[2].Dispose();
                return;
            }

            using (groups[member])
            {
                Reduce(groups[member], cluster, member, 2, 1);
            }
        });
        Assert.True(Stopwatch.GetElapsedTime(died) < TimeSpan.FromSeconds(1), "named too late");
        foreach (var survivor in new[] { 0, 1, 3 })
        {
            var error = Assert.IsType<CollectiveException>(outcomes[survivor]);
            Assert.Equal(("member-2", 2L, 1), (error.Party, error.Step, error.Phase));
        }
    }

    [Fact]
    public async Task A_party_from_which_nothing_comes_is_named_with_how_long_by_all()
    {
        await using var cluster = new Members(4, 3, options => options with { PhaseDeadline = TimeSpan.FromMilliseconds(400), MaxStall = TimeSpan.FromSeconds(2) });
        using var first = cluster.Join(1);
        using var second = cluster.Join(2);
        using var toFirst = new RawPeer(cluster, 0, 1);
        using var toSecond = new RawPeer(cluster, 0, 2);
        var groups = new[] { first, second };
        var outcomes = Members.Outcomes(2, i => Reduce(groups[i], cluster, i + 1, 1, 1));
        foreach (var outcome in outcomes)
        {
            var error = Assert.IsType<CollectiveException>(outcome);
            Assert.Equal("member-0", error.Party);
            Assert.Contains("partial sums", error.Message, StringComparison.Ordinal);
        }

        Assert.Contains(outcomes.Cast<CollectiveException>(), error => error.Waited >= TimeSpan.FromMilliseconds(400) && error.Message.Contains("nothing came for 0.", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(Algorithm.Direct)]
    [InlineData(Algorithm.Doubling)]
    public async Task A_party_that_computes_longer_than_a_stall_may_last_is_waited_for(Algorithm algorithm)
    {
        await using var cluster = new Members(2, 2, options => options with { MaxStall = TimeSpan.FromMilliseconds(200), Algorithm = algorithm });
        var groups = cluster.JoinAll();
        Members.Run(2, member => Reduce(groups[member], cluster, member, 1, 1));
        Members.Run(2, member =>
        {
            if (member == 1)
            {
                Thread.Sleep(600); // its computing
            }

            Reduce(groups[member], cluster, member, 2, 1);
        });
    }

    [Fact]
    public async Task A_party_whose_silence_has_another_cause_is_not_blamed()
    {
        // Member 0 hears member 2, but member 1 does not: member 1 owes results only because of member 2.
        await using var cluster = new Members(4, 3, options => options with { PhaseDeadline = TimeSpan.FromMilliseconds(300) });
        using var group = cluster.Join(2);
        using var silent = new RawPeer(cluster, 0, 2);
        using var busy = new RawPeer(cluster, 1, 2);
        var sum = new byte[Elements * 4];
        busy.Begin(1, 1, Type, Elements);
        for (var chunk = 0; chunk < new ChunkLayout(sum.Length, 3, cluster.Planes[2].Options.ChunkBytes).Chunks(2); chunk++)
        {
            busy.Send(busy.Piece(1, 1, Type, 2, chunk, sum), Type, sum);
        }

        var error = Assert.Throws<CollectiveException>(() => Reduce(group, cluster, 2, 1, 1));
        Assert.Equal("member-0", error.Party);
    }

    [Theory]
    [InlineData(Algorithm.Direct)]
    [InlineData(Algorithm.Doubling)]
    public async Task An_abort_wakes_everybody_at_once_with_its_reason(Algorithm algorithm)
    {
        await using var cluster = new Members(4, 3, options => options with { Algorithm = algorithm });
        var groups = cluster.JoinAll();
        Members.Run(3, member => Reduce(groups[member], cluster, member, 2, 1));
        var start = Stopwatch.GetTimestamp();
        var outcomes = Members.Outcomes(3, member =>
        {
            if (member == 1)
            {
                Thread.Sleep(50);
                groups[1].Abort("no disk left");
                return;
            }

            Reduce(groups[member], cluster, member, 3, 1);
        });
        Assert.True(Stopwatch.GetElapsedTime(start) < TimeSpan.FromSeconds(1));
        foreach (var member in new[] { 0, 2 })
        {
            var error = Assert.IsType<CollectiveException>(outcomes[member]);
            Assert.Equal("member-1", error.Party);
            Assert.True(error.Message.Contains("no disk left", StringComparison.Ordinal), error.Message);
        }

        Assert.Contains("no disk left", Assert.Throws<CollectiveException>(() => Reduce(groups[1], cluster, 1, 4, 1)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(Algorithm.Direct)]
    [InlineData(Algorithm.Doubling)]
    public async Task Cancelling_and_disposing_end_the_wait_at_once(Algorithm algorithm)
    {
        await using var cluster = new Members(2, 2, options => options with { Algorithm = algorithm });
        var groups = cluster.JoinAll();
        using var source = new CancellationTokenSource();
        var start = 0L;
        var outcomes = Members.Outcomes(2, i =>
        {
            if (i == 0)
            {
                Reduce(groups[0], cluster, 0, 1, 1, source.Token);
            }

            Assert.True(SpinWait.SpinUntil(() => groups[0].IsBusy, TimeSpan.FromSeconds(5)));
            start = Stopwatch.GetTimestamp();
            source.Cancel();
        });
        Assert.True(Stopwatch.GetElapsedTime(start) < TimeSpan.FromSeconds(1));
        Assert.IsType<OperationCanceledException>(outcomes[0]);
        // By doubling, member 0 may have sent all that member 1 needs: then that has the whole sum.
        var after = Record.Exception(() => Reduce(groups[1], cluster, 1, 1, 1));
        if (algorithm == Algorithm.Direct || after is not null)
        {
            Assert.Equal("member-0", Assert.IsType<CollectiveException>(after).Party);
        }

        var next = cluster.JoinAll(view: 2);
        var waiting = Task.Run(() => Record.Exception(() => Reduce(next[0], cluster, 0, 1, 1)));
        SpinWait.SpinUntil(() => waiting.Status == TaskStatus.Running && next[0].IsBusy, TimeSpan.FromSeconds(5));
        next[0].Dispose();
        Assert.Contains("left the view", Assert.IsType<CollectiveException>(await waiting.WaitAsync(TimeSpan.FromSeconds(2))).Message, StringComparison.Ordinal);
        Assert.Throws<CollectiveException>(() => Reduce(next[0], cluster, 0, 2, 1));
    }

    [Theory]
    [InlineData(3, Algorithm.Direct)]
    [InlineData(5, Algorithm.Direct)]
    [InlineData(3, Algorithm.Doubling)]
    [InlineData(5, Algorithm.Doubling)]
    [InlineData(8, Algorithm.Doubling)]
    public async Task A_party_whose_fingerprint_differs_is_named_by_all(int members, Algorithm algorithm)
    {
        await using var cluster = new Members(8, members, options => options with { Algorithm = algorithm });
        var groups = cluster.JoinAll();
        var outcomes = Members.Outcomes(members, member =>
        {
            using (groups[member])
            {
                var partials = Members.PartialsOf(8, cluster.Owned[member], Type, Reference.Shards(Type, 8, 100, 1));
                groups[member].AllReduce(5, 1, Type, partials.Complete, new byte[400], member == 1 ? 11UL : 22UL);
            }
        });
        Assert.All(outcomes, outcome => Assert.Equal("member-1", Assert.IsType<DivergenceException>(outcome).Party));
    }

    [Fact]
    public async Task Memory_is_left_alone_once_the_call_has_thrown()
    {
        await using var cluster = new Members(2, 2, options => options with { ChunkBytes = 1024 });
        using var group = cluster.Join(1);
        using var peer = new RawPeer(cluster, 0, 1);
        var sum = new byte[Elements * 4];
        peer.Begin(1, 1, Type, Elements);
        using var source = new CancellationTokenSource(50);
        var result = new byte[Elements * 4];
        var partials = Members.PartialsOf(2, cluster.Owned[1], Type, Reference.Shards(Type, 2, Elements, 1));
        Assert.ThrowsAny<OperationCanceledException>(() => group.AllReduce(1, 1, Type, partials.Complete, result, 0, source.Token));
        Array.Fill(result, (byte)0xab);
        Record.Exception(() =>
        {
            for (var chunk = 0; chunk < 100; chunk++)
            {
                peer.Send(peer.Piece(1, 1, Type, 1, chunk, sum), Type, sum);
            }
        });
        Assert.True(result.All(value => value == 0xab));
    }

    internal static void Reduce(Group group, Members cluster, int member, long step, byte phase, CancellationToken cancel = default)
    {
        var partials = Members.PartialsOf(cluster.Shards, cluster.Owned[member], Type, Reference.Shards(Type, cluster.Shards, Elements, 1));
        group.AllReduce(step, phase, Type, partials.Complete, new byte[Elements * 4], 0, cancel);
    }

    [Fact]
    public async Task A_party_that_gives_up_before_its_greeting_is_answered_says_why()
    {
        await using var cluster = new Members(2, 2);
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        PartyAddress[] addresses = [cluster.Addresses[0], cluster.Addresses[1] with { Port = ((IPEndPoint)listener.LocalEndPoint!).Port }];
        using var group = cluster.Planes[0].Join(cluster.RunId, 1, addresses, 0, 2);
        using var peer = listener.Accept();
        Assert.Equal("member-0", Handshake.ReceiveHello(peer, TimeSpan.FromSeconds(5)).Name);

        group.Abort("the user has had enough");

        peer.ReceiveTimeout = 5000;
        var stream = new FrameStream(peer);
        var header = stream.ReceiveHeader();
        Assert.Equal(FrameKind.Abort, header.Kind);
        var notice = new byte[header.PayloadBytes];
        stream.ReceivePayload(header, notice);
        Assert.Contains("the user has had enough", Assert.IsType<PeerAbortException>(AbortNotice.Read(notice, 2)).Message, StringComparison.Ordinal);
        Assert.Equal(0, peer.Receive(notice));
    }
}
