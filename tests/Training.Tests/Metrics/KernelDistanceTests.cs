using Ganymede.Training.Metrics;

namespace Ganymede.Tests.Metrics;

public sealed class KernelDistanceTests
{
    [Fact]
    public void Is_the_U_statistic_of_the_definition()
    {
        var (a, b) = (FeatureSets.Normal(23, 7, seed: 1), FeatureSets.Normal(31, 7, seed: 2, shift: 0.4));
        double Mean(FeatureMatrix x, FeatureMatrix y, bool same) => (
            from i in Enumerable.Range(0, x.Rows)
            from j in Enumerable.Range(0, y.Rows)
            where !same || i != j
            select Math.Pow(Enumerable.Range(0, 7).Sum(k => x.Row(i)[k] * y.Row(j)[k]) / 7 + 1, 3)).Average();

        var expected = Mean(a, a, same: true) + Mean(b, b, same: true) - 2 * Mean(a, b, same: false);

        FeatureSets.AssertClose(expected, KernelDistance.Unbiased(a, b), 1e-10);
    }

    [Fact]
    public void The_estimate_is_the_mean_of_disjoint_blocks_with_the_standard_error_of_that_mean()
    {
        var (a, b) = (FeatureSets.Normal(90, 4, seed: 3), FeatureSets.Normal(90, 4, seed: 4, shift: 0.3));
        double[] blocks = [.. Enumerable.Range(0, 3).Select(block => KernelDistance.Unbiased(a.Slice(block * 30, 30), b.Slice(block * 30, 30)))];

        var estimate = KernelDistance.Between(a, b, blocks: 3);

        FeatureSets.AssertClose(blocks.Average(), estimate.Value);
        FeatureSets.AssertClose(Math.Sqrt(blocks.Sum(x => Math.Pow(x - blocks.Average(), 2)) / 2 / 3), estimate.StandardError);
    }

    /// <summary>Unbiased: over many pairs of sets of one distribution the mean is 0 within its own error. A biased version fails by far.</summary>
    [Fact]
    public void Is_zero_on_average_for_one_distribution_however_few_images()
    {
        double[] values = [.. Enumerable.Range(0, 400).Select(i => KernelDistance.Unbiased(FeatureSets.Normal(8, 3, (ulong)(2 * i)), FeatureSets.Normal(8, 3, (ulong)(2 * i + 1))))];
        var (mean, error) = (values.Average(), Math.Sqrt(values.Sum(x => Math.Pow(x - values.Average(), 2)) / 399 / 400));

        Assert.True(Math.Abs(mean) < 4 * error, $"{mean} ± {error}");
    }
}
