using CsCheck;
using Ganymede.Datasets;

namespace Ganymede.Tests;

public sealed class CounterRandomTests
{
    // The "philox4x32 10" lines of tests/kat_vectors in D. E. Shaw Research's Random123.
    [Theory]
    [InlineData("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8")]
    [InlineData("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd")]
    [InlineData("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1")]
    public void Blocks_are_the_published_known_answers(string counter, string key, string expected)
    {
        var (c, k, e) = (Words(counter), Words(key), Words(expected));

        Assert.Equal(new PhiloxBlock(e[0], e[1], e[2], e[3]), Philox.Block(new PhiloxBlock(c[0], c[1], c[2], c[3]), k[0], k[1]));
    }

    [Fact]
    public void Stream_is_the_blocks_of_its_counters_in_order()
    {
        var random = new CounterRandom(seed: 0x299f31d0_a4093822, step: 0x03707344_13198a2e, shard: 0xa308d3, purpose: 0x85);

        for (uint block = 0; block < 3; block++)
        {
            var expected = Philox.Block(new PhiloxBlock(block, 0x85a308d3, 0x13198a2e, 0x03707344), 0xa4093822, 0x299f31d0);
            Assert.Equal(expected, new PhiloxBlock(random.NextUInt32(), random.NextUInt32(), random.NextUInt32(), random.NextUInt32()));
        }
    }

    [Fact]
    public void Streams_do_not_depend_on_the_order_in_which_they_are_drawn() =>
        Gen.Select(Gen.ULong, Gen.ULong, Gen.UInt[0, 100], Gen.UInt[0, 255]).Array[2, 8].Sample(streams =>
        {
            static uint[] Draw((ulong Seed, ulong Step, uint Shard, uint Purpose) s, int words)
            {
                var random = new CounterRandom(s.Seed, s.Step, s.Shard, s.Purpose);
                return [.. Enumerable.Range(0, words).Select(_ => random.NextUInt32())];
            }

            var forward = streams.Select(s => Draw(s, 9)).ToArray();
            var backward = streams.Reverse().Select(s => Draw(s, 9)).Reverse().ToArray();

            Assert.Equal(forward, backward);
        });

    [Fact]
    public void Streams_that_differ_in_one_argument_share_no_words()
    {
        CounterRandom[] streams =
        [
            new(7, 3, 1, 2), new(8, 3, 1, 2), new(7 + (1UL << 32), 3, 1, 2), new(7, 4, 1, 2),
            new(7, 3 + (1UL << 32), 1, 2), new(7, 3, 2, 2), new(7, 3, 1, 3),
        ];

        var pairs = streams.SelectMany(s => Enumerable.Range(0, 1000).Select(_ => ((ulong)s.NextUInt32() << 32) | s.NextUInt32()));

        Assert.Equal(7000, pairs.Distinct().Count());
    }

    [Fact]
    public void Shards_and_purposes_that_do_not_fit_are_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new CounterRandom(0, 0, CounterRandom.ShardLimit, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => new CounterRandom(0, 0, 0, CounterRandom.PurposeLimit));
        Assert.Throws<ArgumentOutOfRangeException>(() => new CounterRandom(0, 0, 0, 0).NextInt(0));
    }

    [Fact]
    public void Bounded_integers_are_uniform()
    {
        const int draws = 100_000;
        foreach (var bound in new[] { 2, 3, 10, 100 })
        {
            var random = new CounterRandom(1, 2, 3, (uint)bound);
            var counts = new int[bound];
            for (var i = 0; i < draws; i++)
            {
                counts[random.NextInt(bound)]++;
            }

            var expected = (double)draws / bound;
            var chiSquare = counts.Sum(n => (n - expected) * (n - expected) / expected);
            var degrees = bound - 1;
            Assert.True(chiSquare < degrees + 5 * Math.Sqrt(2 * degrees), $"chi-square {chiSquare} for bound {bound}");
        }
    }

    [Fact]
    public void A_large_bound_is_not_biased_towards_low_values()
    {
        // 3 * 2^29 does not divide 2^32: plain multiplication would favour every third value, 3/8 to 2/8.
        const int bound = 3 << 29;
        var random = new CounterRandom(5, 0, 0, 0);
        var residues = new int[3];
        for (var i = 0; i < 90_000; i++)
        {
            residues[random.NextInt(bound) % 3]++;
        }

        Assert.All(residues, n => Assert.InRange(n, 29_400, 30_600));
    }

    [Fact]
    public void Doubles_are_in_the_half_open_unit_interval_and_uniform()
    {
        var random = new CounterRandom(11, 0, 0, 0);
        var values = Enumerable.Range(0, 100_000).Select(_ => random.NextDouble()).ToArray();

        Assert.All(values, v => Assert.InRange(v, 0, 1 - Math.Pow(2, -53)));
        Assert.Equal(0.5, values.Average(), 0.005);
        Assert.Equal(1 / 12.0, values.Average(v => (v - 0.5) * (v - 0.5)), 0.001);
    }

    [Fact]
    public void Normal_values_have_the_moments_and_tails_of_the_standard_normal()
    {
        const int n = 400_000;
        var values = new double[n];
        new CounterRandom(13, 0, 0, 0).FillNormal(values);

        Assert.Equal(0, values.Average(), 0.01);
        Assert.Equal(1, values.Average(v => v * v), 0.02);
        Assert.Equal(0, values.Average(v => v * v * v), 0.04);
        Assert.Equal(3, values.Average(v => v * v * v * v), 0.1);
        Assert.Equal(0.0455, values.Count(v => Math.Abs(v) > 2) / (double)n, 0.002);
        Assert.Equal(0, Enumerable.Range(0, n / 2).Average(i => values[2 * i] * values[2 * i + 1]), 0.02);
    }

    [Fact]
    public void Float_normals_are_the_rounded_double_ones() => Gen.Select(Gen.ULong, Gen.Int[0, 33]).Sample((seed, length) =>
    {
        var (doubles, floats) = (new double[length], new float[length]);
        new CounterRandom(seed, 1, 2, 3).FillNormal(doubles);
        new CounterRandom(seed, 1, 2, 3).FillNormal(floats);

        Assert.Equal(doubles.Select(d => (float)d), floats);
    });

    [Fact]
    public void Normal_values_agree_with_the_library_functions()
    {
        var values = new double[20_000];
        new CounterRandom(17, 4, 5, 6).FillNormal(values);

        var random = new CounterRandom(17, 4, 5, 6);
        for (var i = 0; i < values.Length; i += 2)
        {
            var radius = Math.Sqrt(-2 * Math.Log(1 - random.NextDouble()));
            var angle = 2 * Math.PI * random.NextDouble();
            Assert.Equal(radius * Math.Cos(angle), values[i], 1e-14);
            Assert.Equal(radius * Math.Sin(angle), values[i + 1], 1e-14);
        }
    }

    [Fact]
    public void Normal_values_never_change_between_versions()
    {
        var values = new double[2];
        new CounterRandom(42, 1, 2, purpose: 5).FillNormal(values);

        Assert.Equal(["3fdf63ba29c46009", "bfc3fd0c34fc58b7"], values.Select(v => BitConverter.DoubleToInt64Bits(v).ToString("x16")));
    }

    private static uint[] Words(string hex) => [.. hex.Split(' ').Select(word => Convert.ToUInt32(word, 16))];
}
