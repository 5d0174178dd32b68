using static TorchSharp.torch;

namespace Ganymede.Training.Metrics;

/// <summary>An estimate and the standard error of it.</summary>
public sealed record Estimate(double Value, double StandardError);

/// <summary>
/// Squared maximum mean discrepancy with the kernel (x·y / D + 1)^3 (Bińkowski et al., 2018, "KID", there on Inception's features). Unbiased, so
/// values of different N compare and equal distributions give 0 on average, now and then a little less. The estimate is the mean over
/// disjoint blocks (Zaremba et al., 2013); as these are independent, their spread is an honest standard error.
/// </summary>
public static class KernelDistance
{
    /// <summary>Least images on each side.</summary>
    public const int LeastImages = 4;

    private const int Blocks = 10, LeastBlock = 50;

    /// <param name="a">Rows in an order that does not depend on their content, as blocks are cut from it.</param>
    /// <param name="b">Likewise.</param>
    /// <param name="blocks">Blocks, from 2 to half the images of the smaller side; 10, fewer with few images, if not given.</param>
    /// <exception cref="ArgumentException">Other features, or fewer than <see cref="LeastImages"/> on a side.</exception>
    public static Estimate Between(FeatureMatrix a, FeatureMatrix b, int? blocks = null)
    {
        FeatureMatrix.RequireComparable(a, b, LeastImages);
        var rows = Math.Min(a.Rows, b.Rows);
        var count = blocks ?? Math.Clamp(rows / LeastBlock, 2, Blocks);
        if (count < 2 || rows / count < 2)
            throw new ArgumentException($"{rows} images cannot be cut into {count} blocks.");

        var values = Enumerable.Range(0, count).Select(block => Unbiased(Part(a, block, count), Part(b, block, count))).ToArray();
        var mean = values.Average();
        return new Estimate(mean, Math.Sqrt(values.Sum(value => (value - mean) * (value - mean)) / (count - 1) / count));
    }

    /// <summary>The U-statistic over all pairs: mean k(a, a') + mean k(b, b') - 2 mean k(a, b), without an image with itself.</summary>
    public static double Unbiased(FeatureMatrix a, FeatureMatrix b)
    {
        FeatureMatrix.RequireComparable(a, b, leastRows: 2);
        using var scope = NewDisposeScope();
        using var constant = no_grad();
        var (x, y) = (a.ToTensor(), b.ToTensor());
        return MeanKernel(x, x, a.Columns, withoutDiagonal: true) + MeanKernel(y, y, a.Columns, withoutDiagonal: true)
            - 2 * MeanKernel(x, y, a.Columns, withoutDiagonal: false);
    }

    private static double MeanKernel(Tensor x, Tensor y, int dimension, bool withoutDiagonal)
    {
        using var scope = NewDisposeScope();
        var products = TensorBytes.Elements<double>(x.matmul(y.t()).contiguous()); // Nx Ny
        var (rows, columns, sum) = ((int)x.shape[0], (int)y.shape[0], 0.0);
        for (var row = 0; row < rows; row++)
        {
            var inRow = 0.0;
            for (var column = 0; column < columns; column++)
            {
                var one = products[row * columns + column] / dimension + 1;
                inRow += withoutDiagonal && row == column ? 0 : one * one * one;
            }

            sum += inRow;
        }

        return sum / ((double)rows * (withoutDiagonal ? columns - 1 : columns));
    }

    private static FeatureMatrix Part(FeatureMatrix features, int block, int count)
    {
        var (first, end) = ((long)features.Rows * block / count, (long)features.Rows * (block + 1) / count);
        return features.Slice((int)first, (int)(end - first));
    }
}
