using Ganymede.Training;

namespace Ganymede.GpuNode.Runs;

/// <summary>A line of <c>metrics.jsonl</c>. Flat, so that any reader of JSON lines can plot it; what a line cannot know is left out.</summary>
/// <param name="Step">Steps committed, from 1.</param>
/// <param name="Time">When it was committed.</param>
/// <param name="SignRate">Mean sign of D over real images, -1..1: towards 1 D knows them by heart (Karras et al., 2020, r_t).</param>
/// <param name="ImagesPerSecond">Real images a second since the line before.</param>
/// <param name="ComputeSeconds">Mean seconds a step since the line before, of the writer's first replica; so are the next two.</param>
/// <param name="ExposedCommunicationSeconds">Waited for sums.</param>
/// <param name="OptimizerSeconds">Updated parameters and averages.</param>
/// <param name="SkippedSteps">Steps so far whose gradients were not finite.</param>
public sealed record MetricsLine(
    long Step, DateTimeOffset Time, double DiscriminatorLoss, double GeneratorLoss, double RealAccuracy, double FakeAccuracy, double SignRate,
    double? ImagesPerSecond, double? ComputeSeconds, double? ExposedCommunicationSeconds, double? OptimizerSeconds,
    long SkippedSteps, long LiveTensors, long ResidentBytes)
{
    /// <param name="before">What the line before was of, if this member knows it; rates are of the steps between.</param>
    /// <param name="batch">Real images a step.</param>
    public static MetricsLine Of(CommittedStep step, CommittedStep? before, int batch)
    {
        var steps = before is null ? 0 : step.Step - before.Step;
        var seconds = before is null ? 0 : (step.Time - before.Time).TotalSeconds;
        double? PerStep(double now, double? then) => steps > 0 ? Math.Max(0, (now - then!.Value) / steps) : null;
        return new MetricsLine(
            step.Step, step.Time, step.DiscriminatorLoss, step.GeneratorLoss, step.RealAccuracy, step.FakeAccuracy, 2 * step.RealAccuracy - 1,
            steps > 0 && seconds > 0 ? steps * batch / seconds : null,
            PerStep(step.Phases.Compute, before?.Phases.Compute), PerStep(step.Phases.ExposedCommunication, before?.Phases.ExposedCommunication),
            PerStep(step.Phases.Optimizer, before?.Phases.Optimizer),
            step.Skipped, Replica.LiveTensors, Environment.WorkingSet);
    }

    /// <summary>The figures by the names that TensorBoard groups by what is before the stroke.</summary>
    public IEnumerable<(string Tag, double Value)> Scalars()
    {
        yield return ("loss/discriminator", DiscriminatorLoss);
        yield return ("loss/generator", GeneratorLoss);
        yield return ("discriminator/real accuracy", RealAccuracy);
        yield return ("discriminator/fake accuracy", FakeAccuracy);
        yield return ("discriminator/sign rate", SignRate);
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
