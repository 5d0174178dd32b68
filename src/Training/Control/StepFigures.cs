namespace Ganymede.Training;

/// <summary>What the controller learns of one step, from the sums over all shards: the same on every member.</summary>
/// <param name="IsFinite">Both networks were updated.</param>
/// <param name="SignRate">Mean sign of D over real images, -1..1.</param>
/// <param name="Scatter">Of generated images within their classes, summed (<see cref="ClassSpread"/>); 0 in a step that does not measure.</param>
/// <param name="Freedom">Images less classes, summed; 0 in a step that does not measure.</param>
/// <param name="Drawn">Generated images by the class that D guesses; empty where it guesses none.</param>
/// <param name="GradientNorm">Euclidean norm of both networks' mean gradients together.</param>
internal sealed record StepFigures(bool IsFinite, double SignRate, double Scatter, double Freedom, IReadOnlyList<double> Drawn, double GradientNorm);

/// <summary>What the figures are compared with, a function of preset and data.</summary>
/// <param name="HasSign">Whether the sign of D's scores means anything.</param>
/// <param name="Spread">Scatter over freedom of real images.</param>
/// <param name="Classes">Classes of the data, as <see cref="EffectiveClasses"/>.</param>
internal sealed record RealFigures(bool HasSign, double Spread, double Classes);
