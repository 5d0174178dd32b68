using System.Globalization;
using Ganymede.Messages.Api;

namespace Ganymede.Cli;

/// <summary>Numbers as people read them.</summary>
internal static class Figures
{
    public static string Count(long count) => count.ToString("N0", CultureInfo.InvariantCulture);

    /// <summary>Such as <c>48 s</c>, <c>3 min 12 s</c>, <c>2 h 05 min</c>; a dash when it cannot be told.</summary>
    public static string Duration(double seconds)
    {
        if (!double.IsFinite(seconds) || seconds < 0 || seconds > 1e9)
            return "–";
        var whole = (long)Math.Round(seconds);
        return whole switch
        {
            < 60 => string.Create(CultureInfo.InvariantCulture, $"{whole} s"),
            < 3600 => string.Create(CultureInfo.InvariantCulture, $"{whole / 60} min {whole % 60:00} s"),
            _ => string.Create(CultureInfo.InvariantCulture, $"{whole / 3600} h {whole / 60 % 60:00} min"),
        };
    }

    public static string Rate(double perSecond) =>
        perSecond.ToString(perSecond < 10 ? "0.0" : "N0", CultureInfo.InvariantCulture);

    /// <summary>Progress in one line.</summary>
    public static string Line(RunProgress progress) => string.Create(CultureInfo.InvariantCulture,
        $"step {progress.Step:N0} of {progress.Steps:N0} | {Rate(progress.ImagesPerSecond)} images/s | loss D {progress.DiscriminatorLoss:0.000} G {progress.GeneratorLoss:0.000} | {Nodes(progress.Nodes.Count)} | {Duration(progress.ImagesPerSecond > 0 ? progress.SecondsLeft : double.NaN)} left");

    public static string Line(GenerationProgress progress) => string.Create(CultureInfo.InvariantCulture,
        $"{progress.Images:N0} of {progress.Count:N0} images | {Rate(progress.ImagesPerSecond)} images/s | {Duration(progress.ImagesPerSecond > 0 ? (progress.Count - progress.Images) / progress.ImagesPerSecond : double.NaN)} left");

    public static string Nodes(int count) => count == 1 ? "1 node" : $"{count} nodes";

    public static string Bytes(long bytes) => bytes switch
    {
        >= 1L << 30 => string.Create(CultureInfo.InvariantCulture, $"{bytes / (double)(1L << 30):0.0} GiB"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{bytes >> 20} MiB"),
    };
}
