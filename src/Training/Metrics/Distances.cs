using System.Numerics.Tensors;
using static TorchSharp.torch;

namespace Ganymede.Training.Metrics;

/// <summary>Squared Euclidean distances between all rows of two sets, a few rows at a time, so that no N x N matrix is held.</summary>
internal static class Distances
{
    private const int RowsAtOnce = 256;

    /// <param name="squared">[rows of b], from row <paramref name="row"/> of a; valid during the call.</param>
    public delegate void RowVisitor(int row, Span<double> squared);

    public static void ForEachRow(FeatureMatrix a, FeatureMatrix b, RowVisitor visit)
    {
        using var scope = NewDisposeScope();
        using var constant = no_grad();
        var others = b.ToTensor().t(); // D Nb
        var (normsA, normsB) = (SquaredNorms(a), SquaredNorms(b));
        for (var first = 0; first < a.Rows; first += RowsAtOnce)
        {
            using var chunk = NewDisposeScope();
            var part = a.Slice(first, RowsAtOnce);
            var products = part.ToTensor().matmul(others).contiguous(); // n Nb
            var values = TensorBytes.Elements<double>(products);
            for (var row = 0; row < part.Rows; row++)
            {
                var line = values.Slice(row * b.Rows, b.Rows);
                var norm = normsA[first + row];
                for (var column = 0; column < line.Length; column++)
                    line[column] = Math.Max(0, norm + normsB[column] - 2 * line[column]);
                visit(first + row, line);
            }
        }
    }

    /// <summary>For each row the squared distance to its k-th nearest other row of the same set; k from 1.</summary>
    public static double[] SquaredRadii(FeatureMatrix features, int k) => SquaredRadii(features, [k])[0];

    /// <summary>The same for several k, from one pass over all distances.</summary>
    /// <returns>[ks][rows].</returns>
    public static double[][] SquaredRadii(FeatureMatrix features, int[] ks)
    {
        double[][] radii = [.. ks.Select(_ => new double[features.Rows])];
        var nearest = new double[ks.Max()];
        ForEachRow(features, features, (row, squared) =>
        {
            squared[row] = double.PositiveInfinity; // not oneself
            FillSmallest(squared, nearest);
            for (var i = 0; i < ks.Length; i++)
                radii[i][row] = nearest[ks[i] - 1];
        });
        return radii;
    }

    private static void FillSmallest(ReadOnlySpan<double> values, double[] smallest)
    {
        Array.Fill(smallest, double.PositiveInfinity);
        foreach (var value in values)
        {
            if (value >= smallest[^1])
                continue;
            var place = smallest.Length - 1;
            for (; place > 0 && smallest[place - 1] > value; place--)
                smallest[place] = smallest[place - 1];
            smallest[place] = value;
        }
    }

    private static double[] SquaredNorms(FeatureMatrix features)
    {
        var norms = new double[features.Rows];
        for (var row = 0; row < norms.Length; row++)
            norms[row] = TensorPrimitives.Dot(features.Row(row), features.Row(row));
        return norms;
    }
}
