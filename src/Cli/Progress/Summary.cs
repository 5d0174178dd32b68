using System.Globalization;
using Ganymede.Messages.Api;
using Spectre.Console;

namespace Ganymede.Cli;

/// <summary>What a finished job leaves on the screen.</summary>
internal static class Summary
{
    public static void OfTraining(Terminal terminal, RunResult result)
    {
        Write(terminal, TrainingLines(result));
        terminal.Line(result.Stopped
            ? $"Stopped after a checkpoint. Go on:  ./ganymede train --resume --out {Quoted(result.Folder)} --steps N"
            : $"Draw images:  ./ganymede generate --run {Quoted(result.Folder)} --count 1000");
    }

    public static void OfGeneration(Terminal terminal, GenerationResult result) => Write(terminal, GenerationLines(result));

    public static void OfDemo(Terminal terminal, RunResult trained, GenerationResult drawn)
    {
        Write(terminal, [.. TrainingLines(trained), .. GenerationLines(drawn)]);
        terminal.Line();
        terminal.Line("Look at the grid, then:");
        terminal.Line($"  ./ganymede generate --run {Quoted(trained.Folder)} --count 5000 --seed 2 --to more-images");
        terminal.Line("  ./ganymede train --data FOLDER --preset cgan-32        (a folder with a folder of PNG or JPEG per class)");
        terminal.Line("  ./ganymede presets");
    }

    private static IEnumerable<(string, string)> TrainingLines(RunResult result)
    {
        yield return ("run", result.Run);
        yield return ("trained", string.Create(CultureInfo.InvariantCulture,
            $"{result.Preset} on {result.Data}: {result.Steps:N0} steps, {result.GlobalBatch} images a step, {Figures.Nodes(result.Nodes)}, {result.Shards} shards, seed {result.Seed}"));
        yield return ("time", $"{Figures.Duration(result.SecondsTraining)} at {Figures.Rate(result.ImagesPerSecond)} images/s");
        yield return ("weights", $"sha256 {result.WeightsSha256}");
        if (result.Checkpoint is not null)
            yield return ("checkpoint", result.Checkpoint);
        if (result.Grid is not null)
            yield return ("grid", result.Grid);
    }

    private static IEnumerable<(string, string)> GenerationLines(GenerationResult result) =>
    [
        ("images", $"{Figures.Count(result.Images)} in {result.Destination} ({Figures.Duration(result.Seconds)}, {Figures.Rate(result.ImagesPerSecond)} images/s)"),
        ("labels", result.Metadata),
    ];

    private static void Write(Terminal terminal, IEnumerable<(string Name, string Value)> lines)
    {
        terminal.Line();
        foreach (var (name, value) in lines)
            terminal.Line($"{name,-11} {value}");
        terminal.Line();
    }

    private static string Quoted(string path)
    {
        var relative = Path.GetRelativePath(Environment.CurrentDirectory, path);
        var shown = relative.StartsWith("..", StringComparison.Ordinal) ? path : relative;
        return shown.Contains(' ', StringComparison.Ordinal) ? $"'{shown}'" : shown;
    }
}
