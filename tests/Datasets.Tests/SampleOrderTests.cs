using CsCheck;
using Ganymede.Datasets;

namespace Ganymede.Tests;

public sealed class SampleOrderTests
{
    [Fact]
    public void Every_epoch_uses_every_sample_once() =>
        Gen.Select(Gen.Int[1, 500], Gen.ULong, Gen.Long[0, 1L << 40]).Sample((count, seed, epoch) =>
        {
            var order = new SampleOrder(count, seed);

            var used = Enumerable.Range(0, count).Select(i => order.IndexOf(epoch * count + i)).Order();

            Assert.Equal(Enumerable.Range(0, count), used);
        });

    [Fact]
    public void Order_depends_on_seed_and_epoch_alone_however_it_is_read() =>
        Gen.Select(Gen.Int[1, 100], Gen.ULong, Gen.Long[0, 1000].Array[1, 50]).Sample((count, seed, samples) =>
        {
            var shared = new SampleOrder(count, seed);

            Assert.All(samples, sample => Assert.Equal(new SampleOrder(count, seed).IndexOf(sample), shared.IndexOf(sample)));
        });

    [Fact]
    public void Epochs_and_seeds_have_different_orders()
    {
        static string Epoch(ulong seed, int epoch)
        {
            var order = new SampleOrder(100, seed);
            return string.Join(',', Enumerable.Range(epoch * 100, 100).Select(i => order.IndexOf(i)));
        }

        string[] orders = [.. from seed in new ulong[] { 1, 2 } from epoch in Enumerable.Range(0, 5) select Epoch(seed, epoch)];

        Assert.Equal(10, orders.Distinct().Count());
    }

    [Fact]
    public void All_permutations_of_three_are_equally_likely()
    {
        var order = new SampleOrder(3, seed: 9);
        var counts = Enumerable.Range(0, 6000)
            .GroupBy(epoch => (order.IndexOf(epoch * 3L), order.IndexOf(epoch * 3L + 1)))
            .Select(group => group.Count())
            .ToArray();

        Assert.Equal(6, counts.Length);
        Assert.All(counts, n => Assert.InRange(n, 850, 1150));
    }

    [Fact]
    public void Threads_in_different_epochs_read_the_right_orders()
    {
        var shared = new SampleOrder(64, seed: 3);
        var expected = Enumerable.Range(0, 640).Select(i => new SampleOrder(64, seed: 3).IndexOf(i)).ToArray();

        Parallel.For(0, 64_000, i => Assert.Equal(expected[i * 7 % 640], shared.IndexOf(i * 7 % 640)));
    }
}
