using System.Diagnostics;
using System.Numerics;
using CsCheck;
using Ganymede.Collectives;

namespace Ganymede.Tests;

/// <summary>Recursive halving and doubling: what is its own. That it sums as the direct exchange does, and fails as it does, is tested with that.</summary>
public sealed class DoublingTests
{
    private const ElementType Type = ElementType.Float32;

    private static readonly Gen<(int Shards, ShardRange[] Owned)> Ownerships =
        from level in Gen.Int[0, 7]
        from members in Gen.Int[2, 40]
        from cuts in Gen.Int[0, 1 << level].Array[members - 1]
        from seed in Gen.Int
        select (1 << level, Ranges(1 << level, cuts, seed));

    [Fact]
    public void Both_ends_of_every_meeting_expect_the_same_and_nobody_has_more_than_two_log_n_plus_two_rounds() =>
        Gen.Select(Ownerships, Gen.Int[0, 60_000], Gen.Int[1, 64]).Sample((ownership, elements, units) =>
        {
            var (shards, owned) = ownership;
            var exchanges = owned.Select((_, self) => Begun(shards, owned, self, elements * 4, units * 4096)).ToArray();
            var log = BitOperations.Log2((uint)owned.Length);
            for (var a = 0; a < owned.Length; a++)
            {
                var partners = Enumerable.Range(0, owned.Length).Where(b => exchanges[a].Involves(b)).ToArray();
                Assert.DoesNotContain(a, partners);
                Assert.InRange(partners.Length, 1, log + 1);
                foreach (var b in partners)
                {
                    Assert.True(exchanges[b].Involves(a));
                    var (to, from) = (exchanges[a].To(b), exchanges[b].From(a));
                    Assert.Equal(to.Speakers, from.Speakers);
                    Assert.Equal(to.Nodes, from.Nodes);
                    Assert.Equal((to.Pieces, to.Results), (from.Pieces, from.Results));
                    Assert.True(to.Pieces.Start % 64 == 0 && to.Results.Start % 64 == 0);
                }
            }
        }, iter: 100);

    [Theory]
    [InlineData(2, 1 << 20, 1, 1 << 20)]
    [InlineData(4, 1 << 20, 3, 3 << 19)]
    [InlineData(8, 1 << 20, 5, 7 << 18)]
    [InlineData(16, 1 << 20, 7, 15 << 17)]
    [InlineData(16, 4096, 4, 4 * 4096)]
    [InlineData(16, 64 * 1024, 5, 5 << 15)]
    public void Rounds_and_bytes_are_those_of_the_decision(int members, int bytes, int rounds, int sent)
    {
        var owned = ShardAssignment.Even(members, members);
        for (var self = 0; self < members; self++)
        {
            var exchange = Begun(members, owned, self, bytes, 512 * 1024);
            var routes = Enumerable.Range(0, members).Where(exchange.Involves).Select(exchange.To).ToArray();
            Assert.Equal(rounds, routes.Length + routes.Count(route => route.Results.Length > 0));
            Assert.Equal(sent, routes.Sum(route => route.Pieces.Length * route.Nodes.Length + route.Results.Length));
        }
    }

    [Theory]
    [InlineData(16, 16)]
    [InlineData(3, 8)]
    [InlineData(13, 16)]
    public async Task More_members_and_those_without_shards_get_the_same_bits(int members, int shards)
    {
        await using var cluster = new Members(shards, members, options => options with { Algorithm = Algorithm.Doubling, ChunkBytes = 8192 });
        var groups = cluster.JoinAll();
        var owners = new[] { ShardAssignment.Even(shards, members), [.. Enumerable.Range(0, members).Select(i => i == members / 2 ? new ShardRange(0, shards) : default)] };
        for (var view = 2; view <= 3; view++)
        {
            var owned = owners[view - 2];
            foreach (var elements in new[] { 0, 3, 5000, 300_001 })
            {
                var gradients = Reference.Shards(Type, shards, elements, elements);
                var expected = Reference.Sum(Type, gradients);
                Members.Run(members, member =>
                {
                    groups[member] = elements == 0 ? cluster.Join(member, view, owned) : groups[member];
                    var result = new byte[expected.Length];
                    groups[member].AllReduce(elements, 1, Type, Members.PartialsOf(shards, owned[member], Type, gradients).Complete, result, 5);
                    Assert.True(expected.AsSpan().SequenceEqual(result), $"view {view}, member {member}, {elements} elements");
                });
            }
        }
    }

    [Fact]
    public async Task What_a_party_brought_is_left_as_it_was()
    {
        await using var cluster = new Members(8, 5, options => options with { Algorithm = Algorithm.Doubling });
        var groups = cluster.JoinAll();
        var gradients = Reference.Shards(Type, 8, 200_000, 3);
        Members.Run(5, member =>
        {
            var partials = Members.PartialsOf(8, cluster.Owned[member], Type, gradients);
            var before = partials.Complete.Select(part => part.Sum.ToArray()).ToArray();
            groups[member].AllReduce(1, 1, Type, partials.Complete, new byte[800_000]);
            Assert.All(partials.Complete.Zip(before), pair => Assert.True(pair.First.Sum.Span.SequenceEqual(pair.Second)));
        });
    }

    /// <summary>Member 0 meets 1, then 2; member 3 it never meets.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_party_that_dies_before_or_between_its_rounds_is_named_by_all_who_still_need_it(bool afterItsFirstRound)
    {
        await using var cluster = new Members(4, 4, options => options with { Algorithm = Algorithm.Doubling });
        var groups = Enumerable.Range(1, 3).Select(member => cluster.Join(member)).ToArray();
        var peers = Enumerable.Range(1, 3).Select(member => new RawPeer(cluster, 0, member)).ToArray();
        var sum = new byte[4000];
        var outcomes = Members.Outcomes(4, member =>
        {
            if (member > 0)
            {
                var partials = Members.PartialsOf(4, cluster.Owned[member], Type, Reference.Shards(Type, 4, 1000, 1));
                groups[member - 1].AllReduce(7, 2, Type, partials.Complete, new byte[4000]);
                Assert.True(afterItsFirstRound, "a sum without all");
                return;
            }

            if (afterItsFirstRound)
            {
                peers[0].Begin(7, 2, Type, 1000, DoublingExchange.WireCode);
                peers[0].Send(new FrameHeader(FrameKind.Piece, 1, 7, 2, DoublingExchange.WireCode, 4, 0, 1000, 1, PayloadChecksum.Of(sum), 4000), Type, sum);
                Assert.Equal(FrameKind.Begin, peers[0].Stream.ReceiveHeader().Kind);
            }

            Thread.Sleep(50);
            Array.ForEach(peers, peer => peer.Die());
        });
        Assert.Null(outcomes[0]);
        // After its first round members 1 and 3 have all they need, and the sum; only 2 waits for it.
        Assert.All(afterItsFirstRound ? outcomes[2..3] : outcomes[1..], outcome =>
        {
            var error = Assert.IsType<CollectiveException>(outcome);
            Assert.Equal(("member-0", 7L, 2), (error.Party, error.Step, error.Phase));
        });
        Array.ForEach(groups, group => group.Dispose());
    }

    [Fact]
    public async Task A_death_at_any_moment_ends_with_the_name_of_one_that_has_left_or_with_the_whole_sum()
    {
        const int Elements = 100_000;
        var gradients = Reference.Shards(Type, 8, Elements, 1);
        var expected = Reference.Sum(Type, gradients);
        var few = Reference.Shards(Type, 8, 10, 2);
        var random = new Random(5);
        await using var cluster = new Members(8, 7, options => options with { Algorithm = Algorithm.Doubling, ChunkBytes = 16 * 1024 });
        for (var view = 1; view <= 30; view++)
        {
            var groups = cluster.JoinAll(view);
            // All partners are connected: one that has left already turns away who still dials it, and is then named for that.
            Members.Run(7, member => groups[member].AllReduce(0, 1, Type, Members.PartialsOf(8, cluster.Owned[member], Type, few).Complete, new byte[40]));
            var victim = random.Next(7);
            var spins = random.Next(200_000);
            var outcomes = Members.Outcomes(7, member =>
            {
                var partials = Members.PartialsOf(8, cluster.Owned[member], Type, gradients);
                var result = new byte[expected.Length];
                using var group = groups[member];
                if (member == victim)
                {
                    group.Begin(1, 1, Type, partials.Complete, result);
                    Thread.SpinWait(spins);
                    return; // leaves the view in the middle
                }

                group.AllReduce(1, 1, Type, partials.Complete, result);
                Assert.True(expected.AsSpan().SequenceEqual(result), $"view {view}: a wrong sum at member {member}");
            });
            foreach (var (member, outcome) in outcomes.Index().Where(outcome => outcome.Item is not null))
            {
                var error = Assert.IsType<CollectiveException>(outcome);
                // The dead one's, or that of a partner that has left since: on a busy machine its last words can come too late (decision 14).
                Assert.Matches("^member-[0-6]$", error.Party);
                Assert.NotEqual($"member-{member}", error.Party);
            }
        }
    }

    [Fact]
    public async Task Who_waits_for_others_says_so_and_is_not_blamed_for_them()
    {
        await using var cluster = new Members(
            4, 4, options => options with { Algorithm = Algorithm.Doubling, PhaseDeadline = TimeSpan.FromSeconds(1), MaxStall = TimeSpan.FromMilliseconds(200) });
        var groups = Enumerable.Range(1, 3).Select(member => cluster.Join(member)).ToArray();
        using var silent = new RawPeer(cluster, 0, 1); // member 1 meets it first, and member 3 never does
        using var second = new RawPeer(cluster, 0, 2);
        var began = Stopwatch.GetTimestamp();
        var outcomes = Members.Outcomes(3, i =>
        {
            // Member 3 begins first. Member 1, for which it waits, has computed for half a deadline when it begins to wait for member 0.
            Thread.Sleep(i switch { 0 => 500, 1 => 600, _ => 0 });
            FailureTests.Reduce(groups[i], cluster, i + 1, 1, 1);
        });
        Assert.All(outcomes, outcome => Assert.Equal("member-0", Assert.IsType<CollectiveException>(outcome).Party));
        Assert.True(Stopwatch.GetElapsedTime(began) > TimeSpan.FromSeconds(1.2), "nobody was late yet");
        Array.ForEach(groups, group => group.Dispose());
    }

    [Theory]
    [InlineData(2, 64 << 10, true)]
    [InlineData(7, (64 << 10) + 4, false)]
    [InlineData(8, 1 << 20, true)]
    [InlineData(12, 1 << 20, false)]
    [InlineData(16, (1 << 20) + 4, false)]
    [InlineData(1, 4, false)]
    public async Task By_itself_it_goes_by_members_and_bytes_and_the_wire_shows_which(int members, int bytes, bool doubles)
    {
        Assert.Equal(doubles, Algorithm.Auto.Doubles(members, bytes, WireFormat.Exact));
        await using var cluster = new Members(16, members, options => options with { Algorithm = Algorithm.Auto });
        var groups = cluster.JoinAll();
        var gradients = Reference.Shards(Type, 16, bytes / 4, 1);
        var expected = Reference.Sum(Type, gradients);
        Members.Run(members, member =>
        {
            var result = new byte[bytes];
            groups[member].AllReduce(1, 1, Type, Members.PartialsOf(16, cluster.Owned[member], Type, gradients).Complete, result);
            Assert.Equal(doubles, groups[member].Exchange is DoublingExchange);
            Assert.True(expected.AsSpan().SequenceEqual(result));
        });
    }

    [Fact]
    public void Doubling_with_the_bfloat16_wire_is_refused()
    {
        var options = new DataPlaneOptions { Algorithm = Algorithm.Doubling, Wire = WireFormat.Bfloat16 };
        Assert.Contains("Algorithm Doubling", Assert.Throws<ArgumentException>(() => DataPlane.Listen(options)).Message, StringComparison.Ordinal);
        Assert.False(Algorithm.Auto.Doubles(64, 64, WireFormat.Bfloat16));
        Assert.False(Algorithm.Doubling.Doubles(1, 64, WireFormat.Exact));
    }

    private static DoublingExchange Begun(int shards, ShardRange[] owned, int self, int bytes, int chunk)
    {
        var exchange = new DoublingExchange(new DoublingPlan(shards, owned, self), owned.Length, chunk);
        var partials = Subtree.Cover(owned[self], shards).Select(node => (node, ReadOnlyMemory<byte>.Empty)).ToArray();
        exchange.Start(new Assignment(Operation.AllReduce, 0, 0, Type, partials, new byte[bytes], 0));
        return exchange;
    }

    /// <summary>Contiguous ranges between the cuts, some empty, given to the members in some order.</summary>
    private static ShardRange[] Ranges(int shards, int[] cuts, int seed)
    {
        int[] sorted = [0, .. cuts.Order(), shards];
        var ranges = sorted.Zip(sorted.Skip(1), (first, end) => new ShardRange(first, end - first)).ToArray();
        new Random(seed).Shuffle(ranges);
        return ranges;
    }
}
