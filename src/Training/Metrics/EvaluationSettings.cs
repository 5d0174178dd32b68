namespace Ganymede.Training.Metrics;

/// <summary>How an evaluation is made. Everything here, the checkpoint and the data fix its figures.</summary>
/// <param name="Count">Generated images at most, from <see cref="Least"/>.</param>
/// <param name="Seed">Decides noise, splits and the classifiers.</param>
/// <param name="Threads">Torch's.</param>
/// <param name="Updates">Of the probe and of each classifier.</param>
/// <param name="ProbeFolder">Where probes are kept; null trains one each time.</param>
public sealed record EvaluationSettings(int Count, ulong Seed, int Threads, int Updates, string? ProbeFolder)
{
    /// <summary>Fewer images make no distribution.</summary>
    public const int Least = 16;
}
