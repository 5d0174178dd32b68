using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Ganymede.Collectives;

namespace Ganymede.Tests;

/// <summary>Who lives, who owes something, and memory by key.</summary>
public sealed class WatchTests
{
    private static readonly TimeSpan Deadline = TimeSpan.FromMilliseconds(500);

    [Fact]
    public async Task A_live_process_answers_a_closed_port_refuses_and_one_that_does_not_speak_is_silent()
    {
        await using var plane = DataPlane.Listen(new DataPlaneOptions());
        using var mute = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        mute.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        var muted = ((IPEndPoint)mute.LocalEndPoint!).Port;
        Assert.Equal(ProbeAnswer.Gone, Probe.Ask("127.0.0.1", muted, Deadline, "")); // bound, not listening

        mute.Listen();

        Assert.Equal(ProbeAnswer.Alive, Probe.Ask("127.0.0.1", plane.Port, TimeSpan.FromSeconds(5), ""));
        Assert.Equal(ProbeAnswer.Silent, Probe.Ask("127.0.0.1", muted, Deadline, ""));
    }

    [Fact]
    public async Task Another_process_at_the_same_address_is_not_the_one_that_is_asked_for()
    {
        await using var plane = DataPlane.Listen(new DataPlaneOptions { Name = "node-2" });

        Assert.Equal(ProbeAnswer.Alive, Probe.Ask("127.0.0.1", plane.Port, TimeSpan.FromSeconds(5), "node-2"));
        Assert.Equal(ProbeAnswer.Gone, Probe.Ask("127.0.0.1", plane.Port, TimeSpan.FromSeconds(5), "node-1"));
    }

    [Fact]
    public async Task A_party_that_has_sent_all_and_takes_in_nothing_is_in_debt_as_well()
    {
        await using var cluster = new Members(2, 2);
        using var group = cluster.Join(1);
        using var peer = new RawPeer(cluster, self: 0, target: 1);
        var sum = new byte[32 << 20]; // far more than sockets keep
        var sums = new PartialSums(2, new ShardRange(1, 1), ElementType.Float32, sum.Length / 4);
        sums.Add(1, sum);
        var call = Task.Run(() => group.AllReduce(0, 1, ElementType.Float32, sums.Complete, new byte[sum.Length]));
        var layout = new ChunkLayout(sum.Length, 2, cluster.Planes[1].Options.ChunkBytes);

        peer.Begin(0, 1, ElementType.Float32, sum.Length / 4);
        for (var chunk = 0; chunk < layout.Chunks(1); chunk++)
            peer.Send(peer.Piece(0, 1, ElementType.Float32, 1, chunk, sum), ElementType.Float32, sum);
        for (var chunk = 0; chunk < layout.Chunks(0); chunk++)
        {
            var (offset, length) = layout.Chunk(0, chunk);
            peer.Send(
                peer.Piece(0, 1, ElementType.Float32, 1, 0, sum) with
                {
                    Kind = FrameKind.Result, Node = 1, Offset = offset / 4, Count = length / 4, Checksum = PayloadChecksum.Of(sum.AsSpan(offset, length)), PayloadBytes = length,
                },
                ElementType.Float32, sum);
        }

        Debt debt;
        while ((debt = await Debt(group)).Chunk >= 0 || debt.Silent < TimeSpan.FromMilliseconds(300))
            await Task.Delay(10, TestContext.Current.CancellationToken);
        Assert.Equal(0, debt.Party);
        group.Accuse(debt.Party, "is stopped", debt.Chunk, debt.Silent);
        Assert.Equal("member-0", (await Assert.ThrowsAsync<CollectiveException>(() => call)).Party);
    }

    [Fact]
    public async Task Memory_is_fetched_as_it_is_served_and_not_above_the_limit()
    {
        await using var server = DataPlane.Listen(new DataPlaneOptions());
        await using var client = DataPlane.Listen(new DataPlaneOptions());
        var content = new byte[700_001];
        new Random(1).NextBytes(content);
        server.Serve("run-1-sum-7", content);

        Assert.Equal(content, client.Fetch("127.0.0.1", server.Port, "run-1-sum-7", content.Length));
        Assert.Throws<FetchException>(() => client.Fetch("127.0.0.1", server.Port, "run-1-sum-7", content.Length - 1));
        server.Unserve("run-1-sum-7");
        Assert.Throws<FetchException>(() => client.Fetch("127.0.0.1", server.Port, "run-1-sum-7", content.Length));
    }

    [Fact]
    public async Task The_silent_party_is_in_debt_and_whoever_accuses_it_ends_the_call_with_its_name()
    {
        await using var cluster = new Members(2, 2);
        var groups = cluster.JoinAll();
        var sums = new PartialSums(2, new ShardRange(0, 1), ElementType.Float32, 4);
        sums.Add(0, new byte[16]);
        var call = Task.Run(() => groups[0].AllReduce(3, 1, ElementType.Float32, sums.Complete, new byte[16]));

        var debt = await Debt(groups[0]);
        groups[0].Accuse(debt.Party, "is silent", debt.Chunk, debt.Silent);

        var failure = await Assert.ThrowsAsync<CollectiveException>(() => call);
        Assert.Equal((1, groups[0].Parties[1].Name, 3L, 1), (debt.Party, failure.Party, failure.Step, failure.Phase));
        Assert.Empty(groups[0].Debts());
    }

    [Fact]
    public async Task A_party_whose_host_does_not_answer_is_unreached_and_one_whose_port_refuses_is_lost_at_once()
    {
        await using var plane = DataPlane.Listen(new DataPlaneOptions { RefusalPatience = TimeSpan.FromMilliseconds(100) });
        using var full = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        full.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        var port = ((IPEndPoint)full.LocalEndPoint!).Port;
        PartyAddress[] parties = [new("a", "127.0.0.1", plane.Port, new ShardRange(0, 1)), new("b", "127.0.0.1", port, new ShardRange(1, 1))];
        var sums = new PartialSums(2, new ShardRange(0, 1), ElementType.Float32, 4);
        sums.Add(0, new byte[16]);

        using var refused = plane.Join("run", 1, parties, 0, 2); // bound, not listening
        var lost = await Assert.ThrowsAsync<CollectiveException>(() => Task.Run(() => refused.AllReduce(0, 1, ElementType.Float32, sums.Complete, new byte[16])).WaitAsync(TimeSpan.FromSeconds(2)));
        Assert.Equal("b", lost.Party);

        // A queue that is full swallows who knocks, as a cut link does.
        full.Listen(1);
        var knocking = Enumerable.Range(0, 4).Select(_ => new TcpClient()).ToArray();
        foreach (var client in knocking)
            _ = client.ConnectAsync("127.0.0.1", port);
        using var group = plane.Join("run", 2, parties, 0, 2);
        Assert.True((await Debt(group)).Unreached); // before anything is to be exchanged
        var call = Task.Run(() => group.AllReduce(0, 1, ElementType.Float32, sums.Complete, new byte[16]));

        Assert.True((await Debt(group)).Unreached);
        group.Abort("seen enough");
        await Assert.ThrowsAsync<CollectiveException>(() => call);
        foreach (var client in knocking)
            client.Dispose();
    }

    [Fact]
    public void Sums_of_whole_subtrees_are_taken_in_for_the_shards_they_cover_to_the_same_bits()
    {
        var gradients = Enumerable.Range(0, 8).Select(shard => MemoryMarshal.AsBytes<float>([shard / 3f, 1f / (shard + 1)]).ToArray()).ToArray();
        var all = Sum(0, 8);

        // What an owner of shards 2..6 had is worth something to one of 0..8.
        var part = Sum(2, 5);
        var later = new PartialSums(8, new ShardRange(0, 8), ElementType.Float32, 2);
        while (later.Next < 8)
        {
            var kept = part.Complete.FirstOrDefault(sum => sum.Node.Shards.First == later.Next);
            if (kept.Sum.IsEmpty)
                later.Add(later.Next, gradients[later.Next]);
            else
                later.Add(kept.Node, kept.Sum.Span);
        }

        Assert.Equal(Assert.Single(all.Complete).Sum.ToArray(), Assert.Single(later.Complete).Sum.ToArray());
        Assert.Throws<ArgumentException>(() => Sum(0, 3).Add(new Subtree(1, 1), gradients[0]));

        PartialSums Sum(int first, int count)
        {
            var sums = new PartialSums(8, new ShardRange(first, count), ElementType.Float32, 2);
            for (var shard = first; shard < first + count; shard++)
                sums.Add(shard, gradients[shard]);
            return sums;
        }
    }

    private static async Task<Debt> Debt(Group group)
    {
        for (var i = 0; i < 500; i++)
        {
            if (group.Debts() is [var debt])
                return debt;
            await Task.Delay(10);
        }

        Assert.Fail("nobody was in debt within five seconds");
        return default;
    }
}
