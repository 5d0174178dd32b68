using Ganymede.Datasets;
using Ganymede.Messages;
using Ganymede.Training;
using Ganymede.Training.Metrics;

namespace Ganymede.Cli;

/// <summary>What is judged, with what: all that can be known to be wrong is found before any work.</summary>
/// <param name="Data">Held-out images; null takes a part of the run's own.</param>
internal sealed record EvaluationPlan(string Folder, Checkpoint Checkpoint, string Pack, DataSource? Data, EvaluationSettings Settings)
{
    /// <exception cref="BadInputException">All problems, one a line.</exception>
    public static EvaluationPlan Make(string run, long? step, string? data, EvaluationSettings settings, string currentFolder)
    {
        List<string> problems = [];
        var folder = Path.GetFullPath(run, currentFolder);
        var pack = Path.Combine(folder, "data.pack");
        Checkpoint? checkpoint = null;
        if (!Directory.Exists(folder))
            problems.Add($"--run {run}: there is no such folder.");
        else if ((checkpoint = CheckpointOf(folder, run, step, problems)) is not null && !File.Exists(pack))
            problems.Add($"--run {run}: has no data.pack, the images it was trained on.");
        else if (RunFolder.WritableProblem(folder, "--run") is { } problem)
            problems.Add(problem);

        DataSource? source = null;
        try
        {
            source = data is null ? null : DataSource.Resolve(data, currentFolder);
        }
        catch (BadDataException error)
        {
            problems.Add(error.Message);
        }

        return problems.Count == 0 ? new EvaluationPlan(folder, checkpoint!, pack, source, settings) : throw new BadInputException([.. problems]);
    }

    private static Checkpoint? CheckpointOf(string folder, string run, long? step, List<string> problems)
    {
        try
        {
            if (step is { } wanted)
            {
                if (CheckpointFolder.Exists(folder, wanted))
                    return CheckpointFolder.Read(CheckpointFolder.FolderOf(folder, wanted));
                var steps = string.Join(", ", CheckpointFolder.Steps(folder));
                problems.Add($"--checkpoint {wanted}: the run has none of this step. It has: {(steps.Length == 0 ? "none" : steps)}.");
                return null;
            }

            var found = CheckpointFolder.Newest(folder);
            if (found.Found is null)
                problems.Add($"--run {run}: has no checkpoint to judge." + string.Concat(found.Skipped.Select(skipped => $" {skipped.Reason}")));
            return found.Found;
        }
        catch (CheckpointException error)
        {
            problems.Add($"--{(step is null ? "run" : "checkpoint")}: {error.Message}");
            return null;
        }
    }
}
