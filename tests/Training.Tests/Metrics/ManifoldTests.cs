using CsCheck;
using Ganymede.Training.Metrics;

namespace Ganymede.Tests.Metrics;

public sealed class ManifoldTests
{
    [Fact]
    public void Agrees_with_brute_force_on_random_sets() => Gen.Select(Gen.Int[7, 40], Gen.Int[7, 40], Gen.Int[1, 5], Gen.Int[1, 5], Gen.ULong, Gen.Double[-1, 1]).Sample((reals, generated, k, densityK, seed, shift) =>
    {
        var (real, made) = (FeatureSets.Normal(reals, 3, seed), FeatureSets.Normal(generated, 3, seed + 1, shift, 0.8));

        var figures = Manifold.Compare(real, made, k, densityK);

        Assert.Equal(Enumerable.Range(0, generated).Count(j => Enumerable.Range(0, reals).Any(i => Distance(real, i, made, j) <= Radius(real, i, k))) / (double)generated, figures.Precision);
        Assert.Equal(Enumerable.Range(0, reals).Count(i => Enumerable.Range(0, generated).Any(j => Distance(real, i, made, j) <= Radius(made, j, k))) / (double)reals, figures.Recall);
        Assert.Equal(Enumerable.Range(0, generated).Sum(j => Enumerable.Range(0, reals).Count(i => Distance(real, i, made, j) <= Radius(real, i, densityK))) / ((double)densityK * generated), figures.Density);
        Assert.Equal(Enumerable.Range(0, reals).Count(i => Enumerable.Range(0, generated).Any(j => Distance(real, i, made, j) <= Radius(real, i, densityK))) / (double)reals, figures.Coverage);
    }, iter: 60);

    [Fact]
    public void Far_apart_nothing_is_precise_or_covered_and_a_single_image_repeated_covers_next_to_nothing()
    {
        var real = FeatureSets.Normal(300, 4, seed: 1);
        var far = FeatureSets.Normal(300, 4, seed: 2, shift: 100);
        var one = real.Take(Enumerable.Repeat(0, 300));

        Assert.Equal(new ManifoldFigures(0, 0, 0, 0), Manifold.Compare(real, far));
        var collapsed = Manifold.Compare(real, one);
        Assert.Equal(1, collapsed.Precision);
        Assert.InRange(collapsed.Coverage, 0, 0.1);
    }

    private static double Distance(FeatureMatrix a, int i, FeatureMatrix b, int j) => FeatureSets.SquaredDistance(a, i, b, j);

    private static double Radius(FeatureMatrix features, int row, int k) =>
        Enumerable.Range(0, features.Rows).Where(other => other != row).Select(other => FeatureSets.SquaredDistance(features, row, features, other)).Order().ElementAt(k - 1);
}
