using System.Numerics.Tensors;
using static TorchSharp.torch;
using Tensor = TorchSharp.torch.Tensor;

namespace Ganymede.Training.Metrics;

/// <summary>
/// Squared Fréchet distance of two normal distributions fitted to features (Heusel et al., 2017, "FID", there on Inception's features):
/// |m1 - m2|^2 + tr C1 + tr C2 - 2 tr (C1^½ C2 C1^½)^½, with covariances over N - 1. The last term is taken from eigenvalues of symmetric
/// matrices in double precision, which stay real where the usual square root of C1 C2, not symmetric, may not. Biased upwards by some 1/N: compare equal N.
/// </summary>
public static class FrechetDistance
{
    /// <summary>Least images on each side for which a covariance exists.</summary>
    public const int LeastImages = 2;

    /// <returns>0 or more; the unit is that of the features, squared.</returns>
    /// <exception cref="ArgumentException">Other features, or fewer than <see cref="LeastImages"/> on a side.</exception>
    public static double Between(FeatureMatrix a, FeatureMatrix b)
    {
        FeatureMatrix.RequireComparable(a, b, LeastImages);
        using var scope = NewDisposeScope();
        using var constant = no_grad();
        var (meanA, covarianceA) = Fit(a);
        var (meanB, covarianceB) = Fit(b);
        var root = Root(covarianceA, a.Columns);
        var (eigenvalues, trace) = (Symmetric(root.matmul(covarianceB).matmul(root)), 0.0);
        foreach (var value in TensorBytes.Elements<double>(linalg.eigvalsh(eigenvalues).contiguous()))
            trace += Math.Sqrt(Math.Max(0, value)); // below 0 by rounding alone
        var distance = TensorPrimitives.Distance<double>(meanA, meanB);
        return Math.Max(0, distance * distance + Trace(covarianceA) + Trace(covarianceB) - 2 * trace);
    }

    private static (double[] Mean, Tensor Covariance) Fit(FeatureMatrix features)
    {
        var (rows, columns) = (features.Rows, features.Columns);
        var mean = new double[columns];
        for (var row = 0; row < rows; row++)
            TensorPrimitives.Add<double>(mean, features.Row(row), mean);
        TensorPrimitives.Divide<double>(mean, (double)rows, mean);

        // Both factors carry 1/sqrt(N - 1), so that no number has to be handed to Torch.
        var centred = new double[rows * columns];
        var scale = 1 / Math.Sqrt(rows - 1);
        for (var row = 0; row < rows; row++)
        {
            var target = centred.AsSpan(row * columns, columns);
            TensorPrimitives.Subtract<double>(features.Row(row), mean, target);
            TensorPrimitives.Multiply<double>(target, scale, target);
        }

        var matrix = FeatureMatrix.ToTensor(centred, rows, columns);
        return (mean, Symmetric(matrix.t().matmul(matrix))); // D D
    }

    /// <summary>The symmetric root of a covariance.</summary>
    private static Tensor Root(Tensor covariance, int size)
    {
        var (values, vectors) = linalg.eigh(covariance);                    // D, D D (a column a vector)
        var roots = TensorBytes.Elements<double>(values.contiguous()).ToArray().Select(value => Math.Sqrt(Math.Sqrt(Math.Max(0, value)))).ToArray();
        var scaled = vectors.mul(FeatureMatrix.ToTensor(roots, 1, size));    // D D
        return scaled.matmul(scaled.t());
    }

    /// <summary>Upper and lower half the same bits, which the eigenvalue routines take for granted.</summary>
    private static Tensor Symmetric(Tensor matrix)
    {
        var size = (int)matrix.shape[0];
        var values = TensorBytes.Elements<double>(matrix.contiguous()).ToArray();
        for (var row = 0; row < size; row++)
            for (var column = 0; column < row; column++)
                values[row * size + column] = values[column * size + row] = (values[row * size + column] + values[column * size + row]) / 2;
        return FeatureMatrix.ToTensor(values, size, size);
    }

    private static double Trace(Tensor matrix)
    {
        var size = (int)matrix.shape[0];
        var values = TensorBytes.Elements<double>(matrix);
        var sum = 0.0;
        for (var i = 0; i < size; i++)
            sum += values[i * size + i];
        return sum;
    }
}
