using System.Collections.Immutable;

namespace Ganymede.Training;

/// <summary>What the steps of a window add up to.</summary>
internal sealed record WindowSums(int Steps, int NonFinite, double SignRate, double Scatter, double Freedom, double GradientNorm, ImmutableArray<double> Drawn)
{
    public static readonly WindowSums Empty = new(0, 0, 0, 0, 0, 0, []);

    public WindowSums Add(StepFigures step) => step.IsFinite
        ? new(
            Steps + 1, NonFinite, SignRate + step.SignRate, Scatter + step.Scatter, Freedom + step.Freedom, GradientNorm + step.GradientNorm,
            Drawn.IsEmpty ? [.. step.Drawn] : [.. Drawn.Zip(step.Drawn, (sum, count) => sum + count)])
        : this with { Steps = Steps + 1, NonFinite = NonFinite + 1 };

    /// <summary>The window in figures; what nothing was measured of is null.</summary>
    public Signals Judge(RealFigures real)
    {
        var finite = Steps - NonFinite;
        return new(
            finite > 0 && real.HasSign ? SignRate / finite : null,
            Freedom > 0 && real.Spread > 0 ? Scatter / Freedom / real.Spread : null,
            Drawn.Any(count => count > 0) ? EffectiveClasses.Of(Drawn) / real.Classes : null,
            finite > 0 ? GradientNorm / finite : null,
            NonFinite);
    }
}

/// <summary>A window in figures; null what it cannot tell.</summary>
/// <param name="SignRate">Mean sign of D over real images, -1..1.</param>
/// <param name="Diversity">Spread of generated images within a class over that of real ones; 1 is as diverse as the data.</param>
/// <param name="Classes">Effective number of classes drawn over that of the data; 1 is all of them.</param>
/// <param name="GradientNorm">Mean norm of both networks' gradients together.</param>
/// <param name="NonFinite">Steps that updated nothing.</param>
public sealed record Signals(double? SignRate, double? Diversity, double? Classes, double? GradientNorm, int NonFinite);
