using Ganymede.Training;

namespace Ganymede.GpuNode.Runs;

/// <summary>A line of <c>metrics.jsonl</c>. Flat, so that any reader of JSON lines can plot it; what a line cannot know is left out.</summary>
/// <param name="Step">Steps committed, from 1.</param>
/// <param name="Time">When it was committed.</param>
/// <param name="SignRate">Mean sign of D over real images, -1..1: towards 1 D knows them by heart (Karras et al., 2020, r_t).</param>
/// <param name="RealScore">E D(x); so is the next of generated images.</param>
/// <param name="WassersteinEstimate">Their difference, where the loss makes it an estimate of the distance.</param>
/// <param name="Penalty">Penalties in D's loss, where the preset has any.</param>
/// <param name="ClassLoss">Cross-entropy of guessed classes, where they are guessed.</param>
/// <param name="AugmentationProbability">ADA's, where it adapts.</param>
/// <param name="ImagesPerSecond">Real images a second since the line before.</param>
/// <param name="ComputeSeconds">Mean seconds a step since the line before, of the writer's first replica; so are the next two.</param>
/// <param name="ExposedCommunicationSeconds">Waited for sums.</param>
/// <param name="OptimizerSeconds">Updated parameters and averages.</param>
/// <param name="SkippedSteps">Steps so far whose gradients were not finite.</param>
public sealed record MetricsLine(
    long Step, DateTimeOffset Time, double DiscriminatorLoss, double GeneratorLoss, double RealAccuracy, double FakeAccuracy, double SignRate,
    double RealScore, double FakeScore, double? WassersteinEstimate, double? Penalty, double? ClassLoss, double? AugmentationProbability,
    double? ImagesPerSecond, double? ComputeSeconds, double? ExposedCommunicationSeconds, double? OptimizerSeconds,
    long SkippedSteps, long LiveTensors, long ResidentBytes)
{
    /// <summary>Spread of generated images within a class over that of real ones, in the controller's last window.</summary>
    public double? Diversity { get; init; }

    /// <summary>Effective number of classes drawn over that of the data, in the controller's last window.</summary>
    public double? Classes { get; init; }

    /// <summary>Mean norm of both networks' gradients together, in the controller's last window.</summary>
    public double? GradientNorm { get; init; }

    /// <summary>Factor that the controller has put on D's learning rate; so is the next on G's.</summary>
    public double? DiscriminatorRate { get; init; }

    public double? GeneratorRate { get; init; }

    /// <summary>R1's gamma as the controller has it.</summary>
    public double? R1 { get; init; }

    /// <summary>Raises of the augmentation by the controller.</summary>
    public int? AugmentationRaises { get; init; }

    /// <summary>What the controller did after this very step, in words.</summary>
    public string? Controller { get; init; }

    /// <param name="before">What the line before was of, if this member knows it; rates are of the steps between.</param>
    /// <param name="samples">Real images a step.</param>
    public static MetricsLine Of(CommittedStep step, CommittedStep? before, long samples)
    {
        var steps = before is null ? 0 : step.Step - before.Step;
        var seconds = before is null ? 0 : (step.Time - before.Time).TotalSeconds;
        double? PerStep(double now, double? then) => steps > 0 ? Math.Max(0, (now - then!.Value) / steps) : null;
        return new MetricsLine(
            step.Step, step.Time, step.DiscriminatorLoss, step.GeneratorLoss, step.RealAccuracy, step.FakeAccuracy, 2 * step.RealAccuracy - 1,
            step.Scores.RealScore, step.Scores.FakeScore, step.Scores.WassersteinEstimate, step.Scores.Penalty, step.Scores.ClassLoss,
            step.Scores.AugmentationProbability,
            steps > 0 && seconds > 0 ? steps * samples / seconds : null,
            PerStep(step.Phases.Compute, before?.Phases.Compute), PerStep(step.Phases.ExposedCommunication, before?.Phases.ExposedCommunication),
            PerStep(step.Phases.Optimizer, before?.Phases.Optimizer),
            step.Skipped, Replica.LiveTensors, Environment.WorkingSet)
        {
            Diversity = step.Control?.Signals?.Diversity,
            Classes = step.Control?.Signals?.Classes,
            GradientNorm = step.Control?.Signals?.GradientNorm,
            DiscriminatorRate = step.Control?.Knobs.DiscriminatorRate,
            GeneratorRate = step.Control?.Knobs.GeneratorRate,
            R1 = step.Control?.Knobs.R1,
            AugmentationRaises = step.Control?.Knobs.Augmentation,
            Controller = step.Control?.Event?.Reason,
        };
    }

    /// <summary>The figures by the names that TensorBoard groups by what is before the stroke.</summary>
    public IEnumerable<(string Tag, double Value)> Scalars()
    {
        yield return ("loss/discriminator", DiscriminatorLoss);
        yield return ("loss/generator", GeneratorLoss);
        yield return ("discriminator/real accuracy", RealAccuracy);
        yield return ("discriminator/fake accuracy", FakeAccuracy);
        yield return ("discriminator/sign rate", SignRate);
        yield return ("discriminator/real score", RealScore);
        yield return ("discriminator/fake score", FakeScore);
        if (WassersteinEstimate is { } distance)
            yield return ("discriminator/Wasserstein estimate", distance);
        if (Penalty is { } penalty)
            yield return ("discriminator/penalty", penalty);
        if (ClassLoss is { } classes)
            yield return ("discriminator/class loss", classes);
        if (AugmentationProbability is { } probability)
            yield return ("augmentation/probability", probability);
        if (Diversity is { } diversity)
            yield return ("controller/diversity", diversity);
        if (Classes is { } drawn)
            yield return ("controller/classes", drawn);
        if (GradientNorm is { } norm)
            yield return ("controller/gradient norm", norm);
        if (DiscriminatorRate is { } slower)
            yield return ("controller/discriminator rate", slower);
        if (GeneratorRate is { } slowerGenerator)
            yield return ("controller/generator rate", slowerGenerator);
        if (R1 is { } gamma)
            yield return ("controller/R1", gamma);
        if (AugmentationRaises is { } raises)
            yield return ("controller/augmentation raises", raises);
        if (ImagesPerSecond is { } rate)
            yield return ("speed/images per second", rate);
        if (ComputeSeconds is { } compute)
            yield return ("speed/compute seconds", compute);
        if (ExposedCommunicationSeconds is { } exposed)
            yield return ("speed/exposed communication seconds", exposed);
        if (OptimizerSeconds is { } optimizer)
            yield return ("speed/optimizer seconds", optimizer);
        yield return ("health/skipped steps", SkippedSteps);
        yield return ("health/resident bytes", ResidentBytes);
    }
}
