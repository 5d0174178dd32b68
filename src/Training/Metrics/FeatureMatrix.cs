using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace Ganymede.Training.Metrics;

/// <summary>Features of N images, a row each, in double precision: what every metric here is computed from.</summary>
public sealed class FeatureMatrix
{
    private readonly double[] _values;

    /// <param name="values">[rows, columns], row-major; used as it is, not copied.</param>
    /// <param name="columns">D, at least 1.</param>
    /// <exception cref="ArgumentException">The values do not fill whole rows, or one of them is not finite.</exception>
    public FeatureMatrix(double[] values, int columns)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(columns);
        if (values.Length % columns != 0)
            throw new ArgumentException($"{values.Length} values do not fill rows of {columns}.");
        if (Array.Exists(values, value => !double.IsFinite(value)))
            throw new ArgumentException("a feature is not a finite number.");
        (_values, Columns, Rows) = (values, columns, values.Length / columns);
    }

    /// <summary>N.</summary>
    public int Rows { get; }

    /// <summary>D.</summary>
    public int Columns { get; }

    public ReadOnlySpan<double> Row(int row) => _values.AsSpan(row * Columns, Columns);

    /// <summary>Some of the rows, in the order asked for.</summary>
    public FeatureMatrix Take(IEnumerable<int> rows)
    {
        var wanted = rows.ToArray();
        var values = new double[wanted.Length * Columns];
        for (var i = 0; i < wanted.Length; i++)
            Row(wanted[i]).CopyTo(values.AsSpan(i * Columns));
        return new FeatureMatrix(values, Columns);
    }

    /// <summary>Rows first, first + 1, …; as many as there are of <paramref name="count"/>.</summary>
    public FeatureMatrix Slice(int first, int count) =>
        new(_values.AsSpan(first * Columns, Math.Min(count, Rows - first) * Columns).ToArray(), Columns);

    /// <summary>[N, D], float64, on the CPU.</summary>
    internal Tensor ToTensor() => ToTensor(_values, Rows, Columns);

    internal static Tensor ToTensor(double[] values, int rows, int columns)
    {
        var tensor = empty([rows, columns], dtype: ScalarType.Float64);
        MemoryMarshal.AsBytes(values.AsSpan(0, rows * columns)).CopyTo(tensor.bytes);
        return tensor;
    }

    /// <exception cref="ArgumentException">The two cannot be compared.</exception>
    internal static void RequireComparable(FeatureMatrix a, FeatureMatrix b, int leastRows)
    {
        if (a.Columns != b.Columns)
            throw new ArgumentException($"features of {a.Columns} and of {b.Columns} numbers cannot be compared.");
        if (Math.Min(a.Rows, b.Rows) < leastRows)
            throw new ArgumentException($"{Math.Min(a.Rows, b.Rows)} images are too few: at least {leastRows} are needed.");
    }
}
