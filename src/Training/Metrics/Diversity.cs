namespace Ganymede.Training.Metrics;

/// <summary>
/// Mean Euclidean distance of two images' features. As a ratio, generated over real and within one class, it falls towards 0 as the images
/// of a class become one (mode collapse), which a mean over all classes would hide.
/// </summary>
public static class Diversity
{
    /// <summary>Of more images only the first so many are compared pair by pair.</summary>
    private const int MostImages = 1000;

    /// <summary>0 or more; NaN for fewer than two images.</summary>
    public static double MeanPairwiseDistance(FeatureMatrix features)
    {
        var some = features.Slice(0, MostImages);
        if (some.Rows < 2)
            return double.NaN;
        var sum = 0.0;
        Distances.ForEachRow(some, some, (row, squared) =>
        {
            foreach (var value in squared[..row])
                sum += Math.Sqrt(value);
        });
        return sum / (some.Rows * (some.Rows - 1.0) / 2);
    }
}
