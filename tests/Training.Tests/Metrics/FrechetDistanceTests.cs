using Ganymede.Training.Metrics;

namespace Ganymede.Tests.Metrics;

public sealed class FrechetDistanceTests
{
    [Theory]
    [InlineData(200, 5, 0.7, 1.5)]
    [InlineData(50, 8, 0, 1)]
    [InlineData(400, 3, -2, 0.3)]
    public void Is_what_the_definition_gives_with_the_root_of_the_product_by_iteration(int rows, int columns, double shift, double stretch)
    {
        var (a, b) = (FeatureSets.Normal(rows, columns, seed: 1), FeatureSets.Normal(rows + 7, columns, seed: 2, shift, stretch));
        var ((meanA, covarianceA), (meanB, covarianceB)) = (Fit(a), Fit(b));
        var root = SquareRoot(Product(covarianceA, covarianceB));
        var expected = meanA.Zip(meanB, (x, y) => (x - y) * (x - y)).Sum() + Trace(covarianceA) + Trace(covarianceB) - 2 * Trace(root);

        FeatureSets.AssertClose(expected, FrechetDistance.Between(a, b), 1e-8);
        FeatureSets.AssertClose(expected, FrechetDistance.Between(b, a), 1e-8);
    }

    [Fact]
    public void Is_zero_for_equal_sets_and_the_squared_shift_for_shifted_ones()
    {
        var a = FeatureSets.Normal(100, 6, seed: 3);
        var shifted = new FeatureMatrix([.. Enumerable.Range(0, 100).SelectMany(row => a.Row(row).ToArray()).Select(value => value + 2)], 6);

        FeatureSets.AssertClose(0, FrechetDistance.Between(a, a), 1e-10);
        FeatureSets.AssertClose(6 * 4, FrechetDistance.Between(a, shifted), 1e-10);
    }

    [Fact]
    public void Stands_covariances_without_full_rank()
    {
        var few = FeatureSets.Normal(4, 12, seed: 4);
        var constant = new FeatureMatrix([.. Enumerable.Repeat(1.0, 10 * 12)], 12);

        // Against a constant only the other side's covariance and the means are left.
        var (mean, covariance) = Fit(few);
        FeatureSets.AssertClose(mean.Sum(x => (x - 1) * (x - 1)) + Trace(covariance), FrechetDistance.Between(few, constant), 1e-9);
        FeatureSets.AssertClose(0, FrechetDistance.Between(few, few), 1e-9);
    }

    [Fact]
    public void Refuses_what_cannot_be_compared()
    {
        Assert.Throws<ArgumentException>(() => FrechetDistance.Between(FeatureSets.Normal(5, 3, 1), FeatureSets.Normal(5, 4, 1)));
        Assert.Throws<ArgumentException>(() => FrechetDistance.Between(FeatureSets.Normal(5, 3, 1), FeatureSets.Normal(1, 3, 1)));
        Assert.Throws<ArgumentException>(() => new FeatureMatrix([1, double.NaN], 2));
    }

    private static (double[] Mean, double[,] Covariance) Fit(FeatureMatrix features)
    {
        var (rows, columns) = (features.Rows, features.Columns);
        var mean = Enumerable.Range(0, columns).Select(c => Enumerable.Range(0, rows).Average(r => features.Row(r)[c])).ToArray();
        var covariance = new double[columns, columns];
        for (var i = 0; i < columns; i++)
            for (var j = 0; j < columns; j++)
                covariance[i, j] = Enumerable.Range(0, rows).Sum(r => (features.Row(r)[i] - mean[i]) * (features.Row(r)[j] - mean[j])) / (rows - 1);
        return (mean, covariance);
    }

    /// <summary>The principal root of a matrix that need not be symmetric: Denman and Beavers' iteration (1976).</summary>
    private static double[,] SquareRoot(double[,] matrix)
    {
        var size = matrix.GetLength(0);
        var (y, z) = (matrix, new double[size, size]);
        for (var i = 0; i < size; i++)
            z[i, i] = 1;
        for (var iteration = 0; iteration < 60; iteration++)
            (y, z) = (Mean(y, Inverse(z)), Mean(z, Inverse(y)));
        return y;
    }

    private static double[,] Inverse(double[,] matrix)
    {
        var size = matrix.GetLength(0);
        var (a, inverse) = ((double[,])matrix.Clone(), new double[size, size]);
        for (var i = 0; i < size; i++)
            inverse[i, i] = 1;
        for (var column = 0; column < size; column++)
        {
            var pivot = Enumerable.Range(column, size - column).MaxBy(row => Math.Abs(a[row, column]));
            for (var k = 0; k < size; k++)
                (a[column, k], a[pivot, k], inverse[column, k], inverse[pivot, k]) = (a[pivot, k], a[column, k], inverse[pivot, k], inverse[column, k]);
            var scale = a[column, column];
            for (var k = 0; k < size; k++)
                (a[column, k], inverse[column, k]) = (a[column, k] / scale, inverse[column, k] / scale);
            for (var row = 0; row < size; row++)
            {
                var factor = a[row, column];
                for (var k = 0; row != column && k < size; k++)
                    (a[row, k], inverse[row, k]) = (a[row, k] - factor * a[column, k], inverse[row, k] - factor * inverse[column, k]);
            }
        }

        return inverse;
    }

    private static double[,] Mean(double[,] a, double[,] b) => Each(a, (i, j) => (a[i, j] + b[i, j]) / 2);

    private static double[,] Product(double[,] a, double[,] b) => Each(a, (i, j) => Enumerable.Range(0, a.GetLength(0)).Sum(k => a[i, k] * b[k, j]));

    private static double[,] Each(double[,] like, Func<int, int, double> value)
    {
        var result = new double[like.GetLength(0), like.GetLength(0)];
        for (var i = 0; i < result.GetLength(0); i++)
            for (var j = 0; j < result.GetLength(0); j++)
                result[i, j] = value(i, j);
        return result;
    }

    private static double Trace(double[,] matrix) => Enumerable.Range(0, matrix.GetLength(0)).Sum(i => matrix[i, i]);
}
