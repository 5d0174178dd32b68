using CsCheck;
using Ganymede.Collectives;

namespace Ganymede.Tests;

public sealed class TreeTests
{
    private static readonly Gen<(int Shards, ShardRange Range)> Ranges =
        from level in Gen.Int[0, 8]
        from first in Gen.Int[0, 1 << level]
        from end in Gen.Int[first, 1 << level]
        select (1 << level, new ShardRange(first, end - first));

    [Fact]
    public void A_cover_is_exact_ascending_and_has_no_siblings_left_to_merge() => Ranges.Sample((shards, range) =>
    {
        var cover = Subtree.Cover(range, shards);
        var next = range.First;
        foreach (var node in cover)
        {
            Assert.Equal(next, node.Shards.First);
            next = node.Shards.End;
        }

        Assert.Equal(range.Count == 0 ? range.First : range.End, next);
        Assert.DoesNotContain(cover.Zip(cover.Skip(1)), pair => pair.First.IsLeftSiblingOf(pair.Second));
        Assert.True(cover.Length <= 2 * Math.Max(1, int.Log2(shards)));
        Assert.Equal(cover.Length, cover.Select(node => node.HeapNumber(shards)).Distinct().Count());
    });

    [Fact]
    public void Partial_sums_are_the_cover_of_what_was_added_and_equal_the_definition()
    {
        var cases = from owned in Ranges
                    from elements in Gen.Int[0, 40]
                    from type in Gen.Enum<ElementType>()
                    from seed in Gen.Int
                    select (owned, elements, type, seed);
        cases.Sample((owned, elements, type, seed) =>
        {
            var (shards, range) = owned;
            var gradients = Reference.Shards(type, shards, elements, seed);
            var sums = new PartialSums(shards, range, type, elements);
            for (var round = 0; round < 2; round++)
            {
                sums.Reset();
                for (var shard = range.First; shard < range.End; shard++)
                {
                    sums.Add(shard, gradients[shard]);
                    var soFar = new ShardRange(range.First, shard + 1 - range.First);
                    Assert.Equal(Subtree.Cover(soFar, shards), sums.Complete.Select(part => part.Node));
                }

                foreach (var (node, sum) in sums.Complete)
                {
                    Assert.Equal(Reference.Sum(type, gradients[node.Shards.First..node.Shards.End]), sum.ToArray());
                }
            }
        }, iter: 300);
    }

    [Fact]
    public void An_even_assignment_gives_every_shard_one_owner_in_member_order() =>
        Gen.Select(Gen.Int[0, 10], Gen.Int[1, 40]).Sample((level, members) =>
        {
            var ranges = ShardAssignment.Even(1 << level, members);
            Assert.Equal(members, ranges.Length);
            var next = 0;
            foreach (var range in ranges)
            {
                Assert.Equal(next, range.First);
                next = range.End;
            }

            Assert.Equal(1 << level, next);
            Assert.True(ranges.Max(range => range.Count) - ranges.Min(range => range.Count) <= 1);
        });

    [Fact]
    public void Chunks_cover_a_buffer_once_and_begin_at_multiples_of_64_bytes() =>
        Gen.Select(Gen.Int[0, 100_000], Gen.Int[1, 70], Gen.Int[1, 100]).Sample((bytes, parties, units) =>
        {
            var layout = new ChunkLayout(bytes, parties, units * 64);
            var next = 0;
            for (var party = 0; party < parties; party++)
            {
                for (var chunk = 0; chunk < layout.Chunks(party); chunk++)
                {
                    var (offset, length) = layout.Chunk(party, chunk);
                    Assert.Equal(next, offset);
                    Assert.Equal(0, offset % 64);
                    Assert.InRange(length, 1, units * 64);
                    next = offset + length;
                }
            }

            Assert.Equal(bytes, next);
        });

    [Fact]
    public void Frame_headers_survive_the_wire_and_always_have_the_same_length() =>
        Gen.Select(Gen.Long, Gen.Long, Gen.Byte, Gen.Int, Gen.ULong, Gen.Int[0, int.MaxValue]).Sample((view, step, phase, node, checksum, payload) =>
        {
            var header = new FrameHeader(FrameKind.Piece, view, step, phase, 3, node, step ^ view, payload / 4, 2, checksum, payload);
            var writer = new FixedBufferWriter(new byte[200]);
            header.Write(writer);
            Assert.Equal(FrameHeader.Length, writer.Written);
            Assert.Equal(header, FrameHeader.Read(writer.Buffer.AsMemory(0, FrameHeader.Length)));
        });

    [Theory]
    [InlineData(new ulong[] { 5, 5, 5 }, new int[] { })]
    [InlineData(new ulong[] { 5, 0, 5 }, new int[] { })]
    [InlineData(new ulong[] { 0, 0, 0 }, new int[] { })]
    [InlineData(new ulong[] { 5, 6, 5 }, new[] { 1 })]
    [InlineData(new ulong[] { 6, 5, 5 }, new[] { 0 })]
    [InlineData(new ulong[] { 5, 5, 6, 7, 5 }, new[] { 2, 3 })]
    [InlineData(new ulong[] { 5, 6 }, new[] { 1 })]
    [InlineData(new ulong[] { 0, 6, 7 }, new[] { 2 })]
    public void Those_that_differ_from_the_majority_have_diverged(ulong[] fingerprints, int[] diverged)
    {
        var found = Divergence.Find(fingerprints, 0);
        if (fingerprints is [0, 6, 7])
        {
            Assert.Single(found); // without a majority or one's own, either may be right
            return;
        }

        Assert.Equal(diverged, found);
    }

    [Theory]
    [InlineData(3)]
    [InlineData(0)]
    [InlineData(-4)]
    public void Shards_that_are_no_power_of_two_are_refused(int shards)
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => ShardAssignment.Even(shards, 2));
        Assert.Throws<ArgumentOutOfRangeException>(() => new PartialSums(shards, default, ElementType.Float32, 1));
    }

    [Fact]
    public void Shards_out_of_order_or_of_another_length_are_refused()
    {
        var sums = new PartialSums(4, new ShardRange(1, 2), ElementType.Float32, 2);
        Assert.Throws<ArgumentException>(() => sums.Add(0, new byte[8]));
        Assert.Throws<ArgumentException>(() => sums.Add(2, new byte[8]));
        Assert.Throws<ArgumentException>(() => sums.Add(1, new byte[4]));
        sums.Add(1, new byte[8]);
        sums.Add(2, new byte[8]);
        Assert.Throws<ArgumentException>(() => sums.Add(3, new byte[8]));
    }
}
