namespace Ganymede.Training.Metrics;

/// <summary>A figure between its floor (real images against other real ones: no generator can be expected to do better) and its ceiling (noise).</summary>
public sealed record Bounded(double Value, double Floor, double Ceiling);

/// <inheritdoc cref="Bounded"/>
public sealed record BoundedEstimate(Estimate Value, Estimate Floor, Estimate Ceiling);

/// <inheritdoc cref="Bounded"/>
public sealed record BoundedManifold(ManifoldFigures Value, ManifoldFigures Floor, ManifoldFigures Ceiling);

/// <summary>The network whose features all distances are of.</summary>
/// <param name="Accuracy">On the held-out images, 0..1: features of a probe that cannot tell the classes say little.</param>
/// <param name="Images">Real ones it was trained on.</param>
/// <param name="HeldOut">Real images it was not trained on, from which all references are taken.</param>
/// <param name="FromCache">It was trained before.</param>
public sealed record ProbeFigures(double Accuracy, int Images, int HeldOut, int Updates, bool FromCache);

/// <summary>Figures of a class; null where it has too few images.</summary>
/// <param name="Images">Generated ones, and as many real ones on each side.</param>
/// <param name="Diversity">Mean feature distance of two images of the class, generated over real.</param>
/// <param name="LabelAgreement">Part of its images that the probe takes for this class.</param>
public sealed record ClassFigures(string Class, int Images, double? Fid, double? FidFloor, double? Diversity, double? LabelAgreement);

/// <summary>
/// Classification accuracy score (Ravuri and Vinyals, 2019): a classifier trained on generated images alone, tested on real ones; the same one trained
/// on as many real images beside it.
/// </summary>
/// <param name="Images">That each was trained on.</param>
/// <param name="StandardError">Of an accuracy of this size, from the number of test images.</param>
public sealed record AccuracyScore(double Generated, double Real, int Images, int TestImages, double StandardError);

/// <summary>Nearest training images, by features and by pixels (0..1).</summary>
/// <param name="RealIsHeldOut">The real images beside it are none the GAN was trained on; else each was left out in its turn.</param>
public sealed record MemorisationResult(MemorisationFigures Features, MemorisationFigures Pixels, int Images, bool RealIsHeldOut);

/// <summary>Figures of a checkpoint of the run, by <see cref="QualityCheck"/>.</summary>
/// <param name="Images">Generated ones, and as many real ones.</param>
public sealed record CheckpointFigures(long Step, QualityFigures Quality, int Images);

/// <summary>All that is said of a run's generator in numbers.</summary>
/// <param name="Images">On each side of every distance: generated, real, and the other real ones of the floor.</param>
/// <param name="Diversity">Generated over real, within classes if there are labels; the floor is 1 but for chance.</param>
/// <param name="LabelAgreement">Part of the generated images that the probe gives the label asked for; null without labels.</param>
/// <param name="AccuracyScore">Null for a generator without labels.</param>
/// <param name="Classes">Empty for a generator without labels.</param>
public sealed record EvaluationResult(
    int Images, ProbeFigures Probe, Bounded Fid, BoundedEstimate Kid, BoundedManifold Manifold, Bounded InceptionScore, Bounded Diversity,
    double? LabelAgreement, MemorisationResult Memorisation, AccuracyScore? AccuracyScore, IReadOnlyList<ClassFigures> Classes,
    IReadOnlyList<CheckpointFigures> Checkpoints);

/// <summary>A generated image beside the training image nearest to it.</summary>
/// <param name="Generated">Its pixels, [C, H, W].</param>
/// <param name="Training">Place in the training set.</param>
public sealed record NearestPair(byte[] Generated, int Label, int Training, double Distance);
