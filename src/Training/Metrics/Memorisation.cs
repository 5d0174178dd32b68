using Ganymede.Datasets;

namespace Ganymede.Training.Metrics;

/// <summary>The nearest training image of an image.</summary>
/// <param name="Training">Its place in the training set.</param>
/// <param name="Distance">Euclidean; of pixels 0..1 or of features.</param>
public readonly record struct Neighbour(int Training, double Distance);

/// <summary>Whether generated images lie nearer to the training set than images do that the training never saw.</summary>
/// <param name="MedianGenerated">Median distance of a generated image to its nearest training image.</param>
/// <param name="MedianReal">The same of real images that are not in the training set, or are left out of it one by one.</param>
/// <param name="CloserShare">
/// Part of the generated images nearer than all but 5 % of the real ones: about 0.05 without memorisation, towards 1 where the training set is copied.
/// </param>
public sealed record MemorisationFigures(double MedianGenerated, double MedianReal, double CloserShare);

/// <summary>Nearest training images, in the space of features or of pixels.</summary>
public static class Memorisation
{
    private const double Quantile = 0.05;
    private const int ImagesAtOnce = 2000;

    /// <param name="queries">[N, D].</param>
    /// <param name="training">[M, D].</param>
    /// <param name="self">For each query its own place in the training set, which does not count; null if they are not in it.</param>
    public static Neighbour[] Nearest(FeatureMatrix queries, FeatureMatrix training, IReadOnlyList<int>? self = null)
    {
        var nearest = Unknown(queries.Rows);
        Improve(nearest, queries, training, first: 0, self);
        return Rooted(nearest);
    }

    /// <summary>The same of pixels, 0..1.</summary>
    /// <exception cref="ArgumentException">Images of other sizes.</exception>
    public static Neighbour[] Nearest(ImagePack queries, ImagePack training, IReadOnlyList<int>? self = null)
    {
        if (queries.ImageBytes != training.ImageBytes)
            throw new ArgumentException($"images of {queries.ImageBytes} and {training.ImageBytes} bytes cannot be compared.");
        var (nearest, pixels) = (Unknown(queries.Count), Pixels(queries, 0, queries.Count));
        for (var first = 0; first < training.Count; first += ImagesAtOnce) // as doubles a whole set would be eight times as large
            Improve(nearest, pixels, Pixels(training, first, Math.Min(ImagesAtOnce, training.Count - first)), first, self);
        return Rooted(nearest);
    }

    public static MemorisationFigures Compare(IReadOnlyList<Neighbour> generated, IReadOnlyList<Neighbour> real)
    {
        double[] ofGenerated = [.. generated.Select(one => one.Distance).Order()], ofReal = [.. real.Select(one => one.Distance).Order()];
        var threshold = ofReal[(int)(Quantile * ofReal.Length)];
        return new MemorisationFigures(
            ofGenerated[ofGenerated.Length / 2], ofReal[ofReal.Length / 2], (double)ofGenerated.Count(distance => distance < threshold) / ofGenerated.Length);
    }

    private static Neighbour[] Unknown(int count) => [.. Enumerable.Repeat(new Neighbour(-1, double.PositiveInfinity), count)];

    private static void Improve(Neighbour[] nearest, FeatureMatrix queries, FeatureMatrix training, int first, IReadOnlyList<int>? self)
    {
        FeatureMatrix.RequireComparable(queries, training, leastRows: 1);
        Distances.ForEachRow(queries, training, (row, squared) =>
        {
            for (var other = 0; other < squared.Length; other++)
                if (squared[other] < nearest[row].Distance && (self is null || self[row] != first + other))
                    nearest[row] = new Neighbour(first + other, squared[other]);
        });
    }

    private static Neighbour[] Rooted(Neighbour[] nearest) => [.. nearest.Select(one => one with { Distance = Math.Sqrt(one.Distance) })];

    private static FeatureMatrix Pixels(ImagePack pack, int first, int count)
    {
        var values = new double[count * pack.ImageBytes];
        var bytes = pack.Pixels.AsSpan(first * pack.ImageBytes, values.Length);
        for (var i = 0; i < values.Length; i++)
            values[i] = bytes[i] / 255.0;
        return new FeatureMatrix(values, pack.ImageBytes);
    }
}
