namespace Ganymede.Training.Metrics;

/// <param name="Precision">Part of the generated images that lie in the real images' manifold, 0..1: fidelity.</param>
/// <param name="Recall">Part of the real images that lie in the generated images' manifold, 0..1: variety.</param>
/// <param name="Density">In how many real neighbourhoods a generated image lies, on average, over k: 1 where both are the same; may exceed 1.</param>
/// <param name="Coverage">Part of the real images whose neighbourhood holds a generated image, 0..1; robust where recall is misled by outliers.</param>
public sealed record ManifoldFigures(double Precision, double Recall, double Density, double Coverage);

/// <summary>
/// Fidelity and variety apart. Precision and recall (Kynkäänniemi et al., 2019): a set's manifold is the union of balls around its images, each as
/// wide as the distance to the k-th nearest other one. Density and coverage (Naeem et al., 2020) use the real images' balls alone.
/// </summary>
public sealed class Manifold
{
    /// <summary>k as in the papers.</summary>
    public const int PrecisionNeighbours = 3, DensityNeighbours = 5;

    private readonly FeatureMatrix _real;
    private readonly int _precisionNeighbours;
    private readonly int _densityNeighbours;
    private readonly double[][] _radii;

    /// <summary>Measures the real images' balls, which serve every set that is compared.</summary>
    public Manifold(FeatureMatrix real, int precisionNeighbours = PrecisionNeighbours, int densityNeighbours = DensityNeighbours)
    {
        (_real, _precisionNeighbours, _densityNeighbours) = (real, precisionNeighbours, densityNeighbours);
        _radii = Distances.SquaredRadii(real, [precisionNeighbours, densityNeighbours]);
    }

    /// <exception cref="ArgumentException">Other features, or not more images on a side than neighbours.</exception>
    public static ManifoldFigures Compare(
        FeatureMatrix real, FeatureMatrix generated, int precisionNeighbours = PrecisionNeighbours, int densityNeighbours = DensityNeighbours) =>
        new Manifold(real, precisionNeighbours, densityNeighbours).Compare(generated);

    /// <exception cref="ArgumentException">Other features, or not more images on a side than neighbours.</exception>
    public ManifoldFigures Compare(FeatureMatrix generated)
    {
        FeatureMatrix.RequireComparable(_real, generated, Math.Max(_precisionNeighbours, _densityNeighbours) + 1);
        var (realRadii, densityRadii) = (_radii[0], _radii[1]);
        var generatedRadii = Distances.SquaredRadii(generated, _precisionNeighbours);
        var precise = new bool[generated.Rows];
        long recalled = 0, covered = 0, inside = 0;
        Distances.ForEachRow(_real, generated, (row, squared) =>
        {
            bool isRecalled = false, isCovered = false;
            for (var other = 0; other < squared.Length; other++)
            {
                precise[other] |= squared[other] <= realRadii[row];
                isRecalled |= squared[other] <= generatedRadii[other];
                if (squared[other] > densityRadii[row])
                    continue;
                inside++;
                isCovered = true;
            }

            recalled += isRecalled ? 1 : 0;
            covered += isCovered ? 1 : 0;
        });
        return new ManifoldFigures(
            (double)precise.Count(image => image) / generated.Rows, (double)recalled / _real.Rows,
            (double)inside / ((double)_densityNeighbours * generated.Rows), (double)covered / _real.Rows);
    }
}
