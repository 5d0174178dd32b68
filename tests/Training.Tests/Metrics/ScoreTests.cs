using Ganymede.Training.Metrics;

namespace Ganymede.Tests.Metrics;

public sealed class ScoreTests
{
    [Fact]
    public void Inception_score_is_the_number_of_classes_for_sure_and_even_and_1_for_unsure_or_all_alike()
    {
        FeatureSets.AssertClose(4, InceptionScore.Of(new FeatureMatrix([1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1], 4)));
        FeatureSets.AssertClose(1, InceptionScore.Of(new FeatureMatrix([.. Enumerable.Repeat(0.25, 16)], 4)));
        FeatureSets.AssertClose(1, InceptionScore.Of(new FeatureMatrix([1, 0, 1, 0, 1, 0], 2)));

        // By hand: p(y) = (0.6, 0.4); mean of 0.9 ln(0.9/0.6) + 0.1 ln(0.1/0.4) and 0.3 ln(0.3/0.6) + 0.7 ln(0.7/0.4).
        var divergence = (0.9 * Math.Log(1.5) + 0.1 * Math.Log(0.25) + 0.3 * Math.Log(0.5) + 0.7 * Math.Log(1.75)) / 2;
        FeatureSets.AssertClose(Math.Exp(divergence), InceptionScore.Of(new FeatureMatrix([0.9, 0.1, 0.3, 0.7], 2)));
    }

    [Fact]
    public void Diversity_is_the_mean_distance_of_all_pairs()
    {
        FeatureSets.AssertClose((3 + 4 + 5) / 3.0, Diversity.MeanPairwiseDistance(new FeatureMatrix([0, 0, 3, 0, 0, 4], 2)));
        Assert.True(double.IsNaN(Diversity.MeanPairwiseDistance(new FeatureMatrix([0, 0], 2))));
    }

    [Fact]
    public void Copies_of_the_training_set_are_found_and_images_of_its_distribution_are_not()
    {
        var training = FeatureSets.Normal(500, 5, seed: 1);
        var unseen = Memorisation.Nearest(FeatureSets.Normal(400, 5, seed: 2), training);
        var copies = Memorisation.Nearest(training.Slice(100, 50), training);
        var leftOut = Memorisation.Nearest(training.Slice(0, 400), training, [.. Enumerable.Range(0, 400)]);

        Assert.Equal(Enumerable.Range(100, 50), copies.Select(one => one.Training));
        Assert.Equal(1, Memorisation.Compare(copies, unseen).CloserShare);
        Assert.InRange(Memorisation.Compare(unseen, leftOut).CloserShare, 0.01, 0.12); // 0.05 but for chance
        FeatureSets.AssertClose(
            Enumerable.Range(1, 499).Min(other => Math.Sqrt(FeatureSets.SquaredDistance(training, 0, training, other))), leftOut[0].Distance);
    }
}
