using Ganymede.Collectives;

namespace Ganymede.Tests;

/// <summary>Alone in the process: it counts all that is allocated.</summary>
[Collection(nameof(Alone))]
public sealed class SteadyStateTests
{
    private const ElementType Type = ElementType.Float32;

    [Theory]
    [InlineData(Algorithm.Direct)]
    [InlineData(Algorithm.Doubling)]
    public async Task A_party_may_run_ahead_by_as_much_as_the_sums_allow(Algorithm algorithm)
    {
        await using var cluster = new Members(8, 3, options => options with { ChunkBytes = 4096, Algorithm = algorithm });
        var groups = cluster.JoinAll();
        var steps = Enumerable.Range(0, 20).Select(step => Reference.Shards(Type, 8, 3000 * (step % 4) + step, step)).ToArray();
        var expected = steps.Select(shards => Reference.Sum(Type, shards)).ToArray();
        Members.Run(3, member =>
        {
            var random = new Random(member);
            for (var step = 0; step < 200; step++)
            {
                var partials = Members.PartialsOf(8, cluster.Owned[member], Type, steps[step % 20]);
                var result = new byte[expected[step % 20].Length];
                groups[member].AllReduce(step / 2, (byte)(step % 2), Type, partials.Complete, result, (ulong)step + 1);
                Assert.True(expected[step % 20].AsSpan().SequenceEqual(result), $"member {member}, step {step}");
                if (member == 2 && random.Next(4) == 0)
                {
                    Thread.Sleep(random.Next(4)); // member 2 computes longer: the others' next frames are there already
                }
            }
        });
    }

    [Theory]
    [InlineData(Algorithm.Direct)]
    [InlineData(Algorithm.Doubling)]
    public async Task A_step_allocates_next_to_nothing(Algorithm algorithm)
    {
        const int Elements = 200_000;
        await using var cluster = new Members(4, 2, options => options with { Algorithm = algorithm });
        var groups = cluster.JoinAll();
        var shards = Reference.Shards(Type, 4, Elements, 1);
        var (before, after) = (0L, 0L);
        Members.Run(2, member =>
        {
            var owned = cluster.Owned[member];
            var partials = new PartialSums(4, owned, Type, Elements);
            var result = new byte[Elements * 4];
            for (var step = 0; step < 120; step++)
            {
                partials.Reset();
                for (var shard = owned.First; shard < owned.End; shard++)
                {
                    partials.Add(shard, shards[shard]);
                }

                groups[member].AllReduce(step, 1, Type, partials.Complete, result);
                if (member == 0 && step is (19 or 119))
                {
                    (before, after) = (after, GC.GetTotalAllocatedBytes(precise: true));
                }
            }
        });
        var perStep = (after - before) / 100;
        Assert.True(perStep < 2048, $"{perStep} bytes a step, both members together");
    }
}
