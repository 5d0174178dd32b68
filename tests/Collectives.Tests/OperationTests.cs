using System.Runtime.InteropServices;
using Ganymede.Collectives;

namespace Ganymede.Tests;

public sealed class OperationTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(5)]
    [InlineData(8)]
    public async Task Reduce_scatter_and_all_gather_together_are_an_all_reduce(int members)
    {
        await using var cluster = new Members(8, members, options => options with { ChunkBytes = 1024 });
        var groups = cluster.JoinAll();
        foreach (var count in new[] { 0, 1, 100, 5000 })
        {
            var shards = Reference.Shards(ElementType.Float32, 8, count, count);
            var expected = Reference.Sum(ElementType.Float32, shards);
            Members.Run(members, member =>
            {
                var partials = Members.PartialsOf(8, cluster.Owned[member], ElementType.Float32, shards);
                var buffer = new byte[expected.Length];
                Array.Fill(buffer, (byte)0xab);
                groups[member].ReduceScatter(count, 1, ElementType.Float32, partials.Complete, buffer, 7);
                var (offset, length) = groups[member].RangeOf(member, buffer.Length);
                Assert.True(expected.AsSpan(offset, length).SequenceEqual(buffer.AsSpan(offset, length)), $"member {member}, {count}");
                Assert.True(buffer[..offset].Concat(buffer[(offset + length)..]).All(value => value == 0xab), "more was written than the own range");
                groups[member].AllGather(count, 2, buffer);
                Assert.Equal(expected, buffer);
            });
        }
    }

    [Fact]
    public async Task A_broadcast_gives_all_the_roots_bytes_and_a_transfer_one_party_anothers()
    {
        await using var cluster = new Members(4, 3, options => options with { ChunkBytes = 256 });
        var groups = cluster.JoinAll();
        for (var root = 0; root < 3; root++)
        {
            var state = new byte[3001 * root];
            new Random(root).NextBytes(state);
            Members.Run(3, member =>
            {
                var buffer = member == root ? [.. state] : new byte[state.Length];
                groups[member].Broadcast(root, 1, root, buffer);
                Assert.Equal(state, buffer);
                // Then to the next; the third has nothing to do with it and is at the following broadcast already.
                if (member == (root + 2) % 3)
                {
                    return;
                }

                var copy = member == root ? [.. state] : new byte[state.Length];
                groups[member].Transfer(root, 2, root, (root + 1) % 3, copy);
                Assert.Equal(state, copy);
            });
        }

        Assert.Throws<ArgumentException>(() => groups[0].Transfer(9, 1, 1, 2, new byte[1]));
        Assert.Throws<ArgumentException>(() => groups[0].Transfer(9, 1, 0, 0, new byte[1]));
        Assert.Throws<ArgumentOutOfRangeException>(() => groups[0].Broadcast(9, 1, 3, new byte[1]));
    }

    [Fact]
    public async Task Parties_that_do_different_things_are_told_so()
    {
        await using var cluster = new Members(2, 2);
        var groups = cluster.JoinAll();
        var outcomes = Members.Outcomes(2, member =>
        {
            if (member == 0)
            {
                groups[0].Broadcast(1, 1, 0, new byte[8]);
            }
            else
            {
                groups[1].AllGather(1, 1, new byte[8]);
            }
        });
        Assert.Contains(outcomes, outcome => outcome is CollectiveException && outcome.Message.Contains("does operation", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(7)]
    public async Task With_bfloat16_all_have_the_bits_that_its_definition_says(int members)
    {
        await using var cluster = new Members(8, members, options => options with { ChunkBytes = 1024, Wire = WireFormat.Bfloat16 });
        var groups = cluster.JoinAll();
        foreach (var count in new[] { 0, 1, 17, 1000, 10_003 })
        {
            var shards = Reference.Shards(ElementType.Float32, 8, count, count);
            var nodes = cluster.Owned.SelectMany(owned => Subtree.Cover(owned, 8)).ToHashSet();
            var expected = Reference.RoundedSum(shards, nodes);
            var wide = Reference.Shards(ElementType.Float64, 8, count, count);
            Members.Run(members, member =>
            {
                var result = new byte[expected.Length];
                groups[member].AllReduce(count, 1, ElementType.Float32, Members.PartialsOf(8, cluster.Owned[member], ElementType.Float32, shards).Complete, result);
                Assert.True(expected.AsSpan().SequenceEqual(result), $"member {member} of {members}, {count}");
                var exact = new byte[count * 8];
                groups[member].AllReduce(count, 2, ElementType.Float64, Members.PartialsOf(8, cluster.Owned[member], ElementType.Float64, wide).Complete, exact);
                Assert.Equal(Reference.Sum(ElementType.Float64, wide), exact);
            });
        }
    }

    [Fact]
    public void Bfloat16_rounds_to_nearest_ties_to_even()
    {
        (float From, float To)[] cases =
        [
            (1f, 1f), (-0f, -0f), (float.PositiveInfinity, float.PositiveInfinity), (float.MaxValue, float.PositiveInfinity),
            (1f + 1f / 256, 1f), (1f + 3f / 256, 1f + 4f / 256), (1f + 1f / 256 + 1f / 65536, 1f + 2f / 256), (float.Epsilon, 0f), (-3.1415927f, -3.140625f),
        ];
        foreach (var length in new[] { 1, 15, 16, 33, 100 })
        {
            var wide = Enumerable.Range(0, length).Select(i => cases[i % cases.Length].From).ToArray();
            var narrow = new byte[length * 2];
            Bfloat16.Narrow(MemoryMarshal.AsBytes<float>(wide), narrow);
            // In one memory, as when it is received.
            var place = new byte[length * 4];
            narrow.CopyTo(place, length * 2);
            Bfloat16.Widen(place.AsSpan(length * 2), place);
            Assert.Equal(Enumerable.Range(0, length).Select(i => BitConverter.SingleToInt32Bits(cases[i % cases.Length].To)), MemoryMarshal.Cast<byte, int>(place).ToArray());
        }

        foreach (var bits in new[] { 0x7f800001u, 0xffffffffu, 0x7fc00000u })
        {
            var narrow = new byte[2];
            Bfloat16.Narrow(MemoryMarshal.AsBytes<uint>([bits]), narrow);
            Assert.True(float.IsNaN(BitConverter.UInt32BitsToSingle((uint)BitConverter.ToUInt16(narrow) << 16)), $"{bits:x8}");
        }
    }
}
