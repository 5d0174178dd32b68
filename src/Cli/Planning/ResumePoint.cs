using Ganymede.Messages;
using Ganymede.Messages.Api;
using Ganymede.Training;

namespace Ganymede.Cli;

/// <summary>Where <c>--resume</c> goes on: the newest valid checkpoint of the run's folder, and what it was trained with.</summary>
/// <param name="Data">What <c>--data</c> was; null if the folder does not say.</param>
internal sealed record ResumePoint(string Checkpoint, long Step, Preset Preset, ulong Seed, string? Data)
{
    /// <summary>Null when there is nothing to resume; why is added to <paramref name="problems"/>.</summary>
    public static ResumePoint? Find(TrainSettings settings, List<string> problems, string currentFolder)
    {
        if (settings.Folder is null)
        {
            problems.Add("--resume: which run? Name its folder with --out.");
            return null;
        }

        var folder = Path.GetFullPath(settings.Folder, currentFolder);
        if (!Directory.Exists(folder))
        {
            problems.Add($"--resume: there is no folder {folder} (--out).");
            return null;
        }

        try
        {
            var found = CheckpointFolder.Newest(folder);
            if (found.Found is { } checkpoint)
            {
                var info = checkpoint.Info;
                return new ResumePoint(checkpoint.Folder, info.Step, info.Preset, info.Seed, RunFolder.ReadRequest(folder)?.Data);
            }

            problems.Add($"--resume: {folder} has no checkpoint to continue from." + string.Concat(found.Skipped.Select(skipped => $" {skipped.Reason}")));
        }
        catch (CheckpointException error)
        {
            problems.Add($"--resume: {error.Message}");
        }

        return null;
    }

    /// <summary>Why the request would not continue this run; empty when it would.</summary>
    public IEnumerable<string> Differences(RunRequest request)
    {
        var now = Preset.FromJson(request.Preset);
        if (now.Name != Preset.Name)
        {
            // Another network altogether: its other keys differ as a matter of course.
            yield return $"--preset {now.Name}: {Checkpoint} was trained with {Preset.Name}; --resume cannot change it.";
            yield break;
        }

        foreach (var key in PresetKeys.All.Where(key => key.ValueIn(now) != key.ValueIn(Preset) && key.Name != "steps"))
            yield return $"{OptionOf(key.Name)} {key.ValueIn(now)}: {Checkpoint} was trained with {key.ValueIn(Preset)} ({key.Name}); --resume cannot change it.";
        if (request.Seed != Seed)
            yield return $"--seed {request.Seed}: {Checkpoint} was trained with seed {Seed}; --resume cannot change it.";
        if (Data is not null && request.Data != Data)
            yield return $"--data {request.Data}: the run was trained on {Data}; --resume cannot change it.";
        if (request.Steps <= Step)
            yield return $"--steps {request.Steps}: {Checkpoint} has {Step} steps already; ask for more (--steps counts them all).";
    }

    private static string OptionOf(string key) => key switch
    {
        "batch" => "--batch",
        "shards" => "--shards",
        _ => $"--set {key}",
    };
}
