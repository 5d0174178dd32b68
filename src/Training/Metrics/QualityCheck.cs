using Ganymede.Datasets;

namespace Ganymede.Training.Metrics;

/// <summary>How good a sample of generated images is, at little cost.</summary>
/// <param name="Kid">With its standard error.</param>
/// <param name="Diversity">Mean feature distance of two images of a class, generated over real; below some 0.5 the classes collapse.</param>
/// <param name="LabelAgreement">Part of the images that the probe gives the label they were drawn for; null without labels.</param>
/// <param name="ClassShares">[Y], what part of the images the probe takes for each class.</param>
public sealed record QualityFigures(
    double Fid, Estimate Kid, ManifoldFigures Manifold, double Diversity, double? LabelAgreement, IReadOnlyList<double> ClassShares);

/// <summary>
/// A subsampled evaluation for curves and for whoever watches a run: real features are read once, each check costs a pass of the probe over
/// some hundred images and distances among them. Used by one thread.
/// </summary>
public sealed class QualityCheck
{
    private readonly ImageClassifier _probe;
    private readonly FeatureMatrix _real;
    private readonly Manifold _manifold;
    private readonly int[] _labels;
    private readonly bool _conditional;
    private readonly double _spread;

    /// <param name="probe">Stays the caller's.</param>
    /// <param name="reference">Real images that the probe was not trained on.</param>
    /// <param name="conditional">Whether generated images have labels.</param>
    /// <param name="images">How many real ones are compared with.</param>
    public QualityCheck(ImageClassifier probe, ImagePack reference, bool conditional, int images = 500)
    {
        (_probe, _conditional) = (probe, conditional);
        var some = Packs.Take(reference, Enumerable.Range(0, Math.Min(images, reference.Count)));
        (_real, _labels) = (probe.Read(some).Features, some.Labels);
        _manifold = new Manifold(_real);
        _spread = Spread(_real, _labels, conditional);
    }

    /// <summary>The labels to draw, so that both sides have as many images of each class.</summary>
    public IReadOnlyList<int> Labels => _labels;

    /// <param name="generated">Drawn for <see cref="Labels"/>, in their order.</param>
    public QualityFigures Measure(ImagePack generated)
    {
        var reading = _probe.Read(generated);
        var predicted = reading.Predicted();
        return new QualityFigures(
            FrechetDistance.Between(_real, reading.Features), KernelDistance.Between(_real, reading.Features), _manifold.Compare(reading.Features),
            Spread(reading.Features, generated.Labels, _conditional) / _spread,
            _conditional ? ImageClassifier.Accuracy(reading, generated.Labels) : null,
            [.. Enumerable.Range(0, reading.Probabilities.Columns).Select(label => (double)predicted.Count(one => one == label) / predicted.Length)]);
    }

    /// <summary>Mean over classes of the mean distance within one; over all images if labels say nothing.</summary>
    internal static double Spread(FeatureMatrix features, IReadOnlyList<int> labels, bool conditional)
    {
        if (!conditional)
            return Diversity.MeanPairwiseDistance(features);
        var classes = Enumerable.Range(0, features.Rows).GroupBy(row => labels[row]).Where(rows => rows.Skip(1).Any()).ToArray();
        return classes.Length == 0 ? double.NaN : classes.Average(rows => Diversity.MeanPairwiseDistance(features.Take(rows)));
    }
}
