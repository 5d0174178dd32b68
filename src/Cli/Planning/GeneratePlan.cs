using Ganymede.Messages;
using Ganymede.Messages.Api;
using Ganymede.Training;

namespace Ganymede.Cli;

/// <summary>Turns settings into a generation request, or into all that is wrong with them, before any process starts.</summary>
internal static class GeneratePlan
{
    /// <inheritdoc cref="TrainPlan.Make"/>
    public static GenerationRequest Make(GenerateSettings settings, List<string> problems, string currentFolder)
    {
        var run = Path.GetFullPath(settings.Run, currentFolder);
        var request = new GenerationRequest
        {
            RunFolder = run,
            Destination = settings.To is { } to ? Path.GetFullPath(to, currentFolder) : Path.Combine(run, "images"),
            Count = settings.Count,
            Seed = settings.Seed,
            Classes = settings.Classes,
            Nodes = settings.Cluster.Nodes,
            UnitSize = settings.Unit,
        };
        problems.AddRange(request.Problems());
        problems.AddRange(RunProblems(settings, run));
        if (settings.To?.StartsWith("s3:", StringComparison.OrdinalIgnoreCase) == true)
            problems.Add($"--to {settings.To}: a folder is expected.");
        else if (problems.Count == 0 && RunFolder.WritableProblem(request.Destination, settings.To is null ? "--run" : "--to") is { } problem)
            problems.Add(problem);
        return problems.Count == 0 ? request : throw new BadInputException([.. problems]);
    }

    private static IEnumerable<string> RunProblems(GenerateSettings settings, string run)
    {
        if (!Directory.Exists(run))
            return [$"--run {settings.Run}: there is no such folder."];
        try
        {
            var found = CheckpointFolder.Newest(run);
            if (found.Found is not { } checkpoint)
                return [$"--run {settings.Run}: has no checkpoint to draw from." + string.Concat(found.Skipped.Select(skipped => $" {skipped.Reason}"))];
            var known = checkpoint.Info.Classes;
            return settings.Classes.Where(name => !known.Contains(name)).Distinct().Select(name =>
                $"--class {name}: the run has no such class{(Spelling.Nearest(name, known) is { } near ? $"; did you mean {near}?" : "")} Its classes: {string.Join(", ", known)}.");
        }
        catch (CheckpointException error)
        {
            return [$"--run {settings.Run}: {error.Message}"];
        }
    }
}
