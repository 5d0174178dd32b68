using System.Collections.Concurrent;
using Ganymede.Collectives;

namespace Ganymede.Tests;

public sealed class AllReduceTests
{
    private static readonly int[] Counts = [0, 1, 10, 100, 1000, 10_000, (1 << 20) + 3];

    private static readonly Algorithm[] Both = [Algorithm.Direct, Algorithm.Doubling];

    // Bits do not depend on the number of members: one set of shards does for all.
    private static readonly ConcurrentDictionary<(ElementType, int, bool), (byte[][] Shards, byte[] Sum)> Known = new();

    public static MatrixTheoryData<int, Algorithm> MembersAndAlgorithms { get; } = new([1, 2, 3, 4, 5, 7, 8], Both);

    public static MatrixTheoryData<int, Algorithm> ConnectionsAndAlgorithms { get; } = new([1, 2, 4, 16], Both);

    [Theory]
    [MemberData(nameof(MembersAndAlgorithms))]
    public async Task All_members_get_the_canonical_sum_bit_for_bit(int members, Algorithm algorithm)
    {
        await using var cluster = new Members(8, members, options => options with { Algorithm = algorithm });
        var groups = cluster.JoinAll();
        var step = 0L;
        foreach (var type in new[] { ElementType.Float32, ElementType.Float64 })
        {
            foreach (var count in Counts)
            {
                foreach (var integers in new[] { true, false })
                {
                    var (shards, expected) = Known.GetOrAdd((type, count, integers), static key =>
                    {
                        var shards = Reference.Shards(key.Item1, 8, key.Item2, seed: key.Item2, key.Item3);
                        return (shards, Reference.Sum(key.Item1, shards));
                    });
                    step++;
                    Members.Run(members, member =>
                    {
                        var partials = Members.PartialsOf(8, cluster.Owned[member], type, shards);
                        var result = new byte[expected.Length];
                        groups[member].AllReduce(step, 1, type, partials.Complete, result, fingerprint: 42);
                        Assert.True(expected.AsSpan().SequenceEqual(result), $"member {member} of {members}, {algorithm}, {count} x {type}");
                    });
                }
            }
        }
    }

    [Theory]
    [MemberData(nameof(ConnectionsAndAlgorithms))]
    public async Task Any_number_of_connections_gives_the_same_bits(int connections, Algorithm algorithm)
    {
        await using var cluster = new Members(8, 3, options => options with { Connections = connections, ChunkBytes = 64 * 1024, Algorithm = algorithm });
        var groups = cluster.JoinAll();
        foreach (var (count, step) in Counts.Select((count, step) => (count, step)))
        {
            var shards = Reference.Shards(ElementType.Float32, 8, count, step);
            var expected = Reference.Sum(ElementType.Float32, shards);
            Members.Run(3, member =>
            {
                var result = new byte[expected.Length];
                groups[member].AllReduce(step, 1, ElementType.Float32, Members.PartialsOf(8, cluster.Owned[member], ElementType.Float32, shards).Complete, result);
                Assert.True(expected.AsSpan().SequenceEqual(result), $"member {member}, {count} elements");
            });
        }
    }

    [Theory]
    [InlineData(Algorithm.Direct)]
    [InlineData(Algorithm.Doubling)]
    public async Task What_has_begun_goes_on_while_the_callers_do_something_else(Algorithm algorithm)
    {
        await using var cluster = new Members(4, 3, options => options with { Algorithm = algorithm });
        var groups = cluster.JoinAll();
        for (var step = 0; step < 10; step++)
        {
            var shards = Reference.Shards(ElementType.Float32, 4, 40_000 * step, step);
            var results = cluster.Owned.Select(_ => new byte[160_000 * step]).ToArray();
            var pending = groups.Select((group, member) => group.Begin(
                step, 1, ElementType.Float32, Members.PartialsOf(4, cluster.Owned[member], ElementType.Float32, shards).Complete, results[member])).ToArray();
            // One thread waits for all three in turn: none of them can have needed it.
            foreach (var reduction in pending)
            {
                reduction.Wait(TestContext.Current.CancellationToken);
                Assert.Throws<InvalidOperationException>(() => reduction.Wait(TestContext.Current.CancellationToken));
            }

            Assert.All(results, result => Assert.Equal(Reference.Sum(ElementType.Float32, shards), result));
        }
    }

    [Fact]
    public async Task One_reduction_at_a_time_and_one_that_is_given_up_ends_the_group_for_all()
    {
        await using var cluster = new Members(2, 2);
        var groups = cluster.JoinAll();
        var shards = Reference.Shards(ElementType.Float32, 2, 1000, 1); // each member owns a range: neither can finish alone
        PendingReduction Begin(int member) => groups[member].Begin(
            1, 1, ElementType.Float32, Members.PartialsOf(2, cluster.Owned[member], ElementType.Float32, shards).Complete, new byte[4000]);
        var first = Begin(0);
        Assert.Throws<InvalidOperationException>(() => Begin(0));
        first.Dispose();
        first.Dispose();
        Assert.Contains("gave up", Assert.Throws<CollectiveException>(() => Begin(0)).Message, StringComparison.Ordinal);
        var error = Assert.Throws<CollectiveException>(() => Begin(1).Wait(TestContext.Current.CancellationToken));
        Assert.Equal("member-0", error.Party);
    }

    /// <summary>10,000 trials of each with GANYMEDE_SLOW_TESTS=1, else the first 1,000 of them.</summary>
    [Theory]
    [InlineData(Algorithm.Direct, 5, 4000)]
    [InlineData(Algorithm.Doubling, 9, 60_000)]
    public void Any_ownership_size_chunk_and_delay_gives_the_same_bits(Algorithm algorithm, int mostMembers, int mostElements)
    {
        var sets = Slow.Or(400, 40);
        // The sets are independent of each other and mostly wait: several run at a time.
        Parallel.For(0, sets, new ParallelOptions { MaxDegreeOfParallelism = 4 }, set => TrySet(set, algorithm, mostMembers, mostElements).GetAwaiter().GetResult());
    }

    /// <summary>25 trials: five views of the same members, each with shards in other hands, of five exchanges.</summary>
    private static async Task TrySet(int seed, Algorithm algorithm, int mostMembers, int mostElements)
    {
        var random = new Random(seed);
        var shards = 1 << random.Next(0, 5);
        var members = random.Next(1, mostMembers + 1);
        var chunk = 64 * random.Next(1, 40);
        var connections = random.Next(1, 5);
        await using var cluster = new Members(shards, members, options => options with { ChunkBytes = chunk, Connections = connections, Algorithm = algorithm });
        for (var view = 1; view <= 5; view++)
        {
            var owned = RandomOwnership(random, shards, members);
            var type = random.Next(2) == 0 ? ElementType.Float32 : ElementType.Float64;
            var late = owned.Select(_ => random.Next(4) == 0 ? random.Next(1, 8) : 0).ToArray();
            // Large ones, in which ranges are halved, now and then.
            var steps = Enumerable.Range(0, 5).Select(_ => Reference.Shards(type, shards, random.Next(0, random.Next(8) == 0 ? mostElements : 4000), random.Next())).ToArray();
            var expected = steps.Select(step => Reference.Sum(type, step)).ToArray();
            var begins = random.Next(2) == 0;
            Members.Run(owned.Length, member =>
            {
                Delay(late[member]);
                using var group = cluster.Join(member, view, owned);
                for (var step = 0; step < steps.Length; step++)
                {
                    var partials = Members.PartialsOf(shards, owned[member], type, steps[step]);
                    var result = new byte[expected[step].Length];
                    Delay(late[(member + step) % late.Length]);
                    if (begins)
                    {
                        using var pending = group.Begin(step, (byte)(step % 2), type, partials.Complete, result);
                        Delay(late[(member + step + 1) % late.Length]);
                        pending.Wait();
                    }
                    else
                    {
                        group.AllReduce(step, (byte)(step % 2), type, partials.Complete, result);
                    }

                    Assert.True(expected[step].AsSpan().SequenceEqual(result), $"{algorithm}, set {seed}, view {view}, member {member}, step {step}");
                }
            });
        }
    }

    private static void Delay(int milliseconds)
    {
        if (milliseconds > 0)
        {
            Thread.Sleep(milliseconds);
        }
    }

    /// <summary>Contiguous ranges of random length, some empty, given to the members in random order.</summary>
    private static ShardRange[] RandomOwnership(Random random, int shards, int members)
    {
        var cuts = Enumerable.Range(0, members - 1).Select(_ => random.Next(0, shards + 1)).Append(0).Append(shards).Order().ToArray();
        var ranges = Enumerable.Range(0, members).Select(i => new ShardRange(cuts[i], cuts[i + 1] - cuts[i])).ToArray();
        random.Shuffle(ranges);
        return ranges;
    }
}
