using Ganymede.Datasets;
using Ganymede.Training.Metrics;

namespace Ganymede.Tests.Metrics;

/// <summary>Features to measure distances of, and plain arithmetic to check them with.</summary>
internal static class FeatureSets
{
    /// <summary>Normal values, correlated (each column has a part of the one before it), shifted and stretched.</summary>
    public static FeatureMatrix Normal(int rows, int columns, ulong seed, double shift = 0, double stretch = 1)
    {
        var values = new double[rows * columns];
        new CounterRandom(seed, step: 0, shard: 0, RandomPurpose.Evaluation).FillNormal(values);
        for (var i = 0; i < values.Length; i++)
            values[i] = stretch * (values[i] + (i % columns == 0 ? 0 : 0.5 * values[i - 1])) + shift;
        return new FeatureMatrix(values, columns);
    }

    public static double SquaredDistance(FeatureMatrix a, int i, FeatureMatrix b, int j)
    {
        var sum = 0.0;
        for (var column = 0; column < a.Columns; column++)
            sum += (a.Row(i)[column] - b.Row(j)[column]) * (a.Row(i)[column] - b.Row(j)[column]);
        return sum;
    }

    public static void AssertClose(double expected, double actual, double relative = 1e-9) =>
        Assert.True(Math.Abs(expected - actual) <= relative * Math.Max(1, Math.Abs(expected)), $"expected {expected:r}, got {actual:r}");
}
