namespace Ganymede.Training.Metrics;

/// <summary>
/// exp of the mean over images of KL(p(y|x) || p(y)) (Salimans et al., 2016), there with Inception's classes, here with the probe's. 1 when the
/// probe cannot tell or all look alike, at most the number of classes. It sees neither variety within a class nor memorisation.
/// </summary>
public static class InceptionScore
{
    /// <param name="probabilities">[N, Y], rows that sum to 1.</param>
    public static double Of(FeatureMatrix probabilities)
    {
        if (probabilities.Rows == 0)
            throw new ArgumentException("no images.");
        var mean = new double[probabilities.Columns];
        for (var row = 0; row < probabilities.Rows; row++)
            for (var label = 0; label < mean.Length; label++)
                mean[label] += probabilities.Row(row)[label] / probabilities.Rows;

        var divergence = 0.0;
        for (var row = 0; row < probabilities.Rows; row++)
            for (var label = 0; label < mean.Length; label++)
                if (probabilities.Row(row)[label] is > 0 and var p)
                    divergence += p * (Math.Log(p) - Math.Log(mean[label]));
        return Math.Exp(divergence / probabilities.Rows);
    }
}
