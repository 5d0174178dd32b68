using System.Globalization;
using Ganymede.Datasets;
using Ganymede.Messages;
using Ganymede.Messages.Api;
using Ganymede.Training;

namespace Ganymede.Cli;

/// <summary>Turns settings into a request a Coordinator can take, or into all that is wrong with them, before any process starts.</summary>
internal static class TrainPlan
{
    /// <param name="problems">What was found wrong so far; more is added.</param>
    /// <param name="currentFolder">What relative paths are relative to.</param>
    /// <param name="now">Names the folder of a run that has none yet.</param>
    /// <exception cref="BadInputException">Any problem; all of them, one a line.</exception>
    public static RunRequest Make(TrainSettings settings, List<string> problems, string currentFolder, DateTime now)
    {
        var earlier = settings.Resume ? ResumePoint.Find(settings, problems, currentFolder) : null;
        var preset = PresetOf(settings, earlier, problems);
        var data = DataOf(settings, earlier, problems, currentFolder);
        if (preset is null)
            throw new BadInputException([.. problems]);

        var request = new RunRequest
        {
            Folder = settings.Folder is { } folder
                ? Path.GetFullPath(folder, currentFolder)
                : Path.Combine(currentFolder, "runs", string.Create(CultureInfo.InvariantCulture, $"{preset.Name}-{now:yyyyMMdd-HHmmss}")),
            PresetName = preset.Name,
            Preset = preset.ToJson(),
            Data = data ?? settings.Data,
            Size = preset.Size,
            Channels = preset.Channels,
            Seed = earlier is not null && !settings.Given.Contains("--seed") ? earlier.Seed : settings.Seed,
            Steps = settings.Steps ?? StepsOf(settings, preset),
            Batch = settings.Batch ?? preset.Batch,
            Shards = settings.Shards ?? preset.Shards,
            CriticSteps = preset.CriticSteps,
            Nodes = settings.Cluster.Nodes,
            Resume = settings.Resume,
            SampleEvery = settings.SampleEvery,
            CheckpointEvery = settings.CheckpointEvery,
            KeepCheckpoints = settings.KeepCheckpoints,
            SkipUnreadable = settings.SkipUnreadable,
            MaxStallSeconds = settings.MaxStallSeconds,
            Rebalance = settings.Rebalance,
        };
        problems.AddRange(request.Problems());
        problems.AddRange(ReplicaProblems(settings.Cluster, request));
        if (problems.Count == 0)
            request = request with { Preset = WithSizes(preset, request, problems) };
        if (problems.Count == 0 && earlier is not null)
            problems.AddRange(earlier.Differences(request));
        if (problems.Count == 0)
            problems.AddRange(RunFolder.Problems(request.Folder, settings.Resume, settings.Folder is null ? "runs" : "--out"));
        return problems.Count == 0 ? request : throw new BadInputException([.. problems]);
    }

    private static Preset? PresetOf(TrainSettings settings, ResumePoint? earlier, List<string> problems)
    {
        try
        {
            if (earlier is not null && !settings.Given.Contains("--preset") && settings.Set.Count == 0)
                return earlier.Preset;
            var original = Preset.Load(settings.Preset, []);
            // How long to train fixes no bits, so it is no part of what a resumed run must have in common with its checkpoint.
            return Preset.Load(settings.Preset, settings.Set) with { Steps = original.Steps };
        }
        catch (PresetException error)
        {
            problems.Add($"{(settings.Set.Count > 0 ? "--preset, --set" : "--preset")}: {error.Message}");
            return null;
        }
    }

    private static long StepsOf(TrainSettings settings, Preset preset) =>
        settings.Set.Any(pair => pair.StartsWith("steps=", StringComparison.Ordinal)) ? Preset.Load(settings.Preset, settings.Set).Steps : preset.Steps;

    /// <summary>The preset's canonical JSON with --batch and --shards in it, checked as a whole.</summary>
    private static string WithSizes(Preset preset, RunRequest request, List<string> problems)
    {
        var json = (preset with { Batch = request.Batch, Shards = request.Shards }).ToJson();
        try
        {
            Preset.FromJson(json);
        }
        catch (PresetException error)
        {
            problems.Add($"--batch {request.Batch}, --shards {request.Shards}: {error.Message}");
        }

        return json;
    }

    /// <summary>The source, checked as far as is cheap, in words that mean the same in the Coordinator's working folder.</summary>
    private static string? DataOf(TrainSettings settings, ResumePoint? earlier, List<string> problems, string currentFolder)
    {
        if (earlier?.Data is { } kept && !settings.Given.Contains("--data"))
            return kept;
        try
        {
            DataSource.Resolve(settings.Data, currentFolder);
            return MadeAbsolute(settings.Data, currentFolder);
        }
        catch (BadDataException error)
        {
            problems.Add(error.Message);
            return null;
        }
    }

    internal static string MadeAbsolute(string data, string currentFolder)
    {
        if (DataSource.IsNamed(data))
            return data;
        var path = Path.GetFullPath(data, currentFolder);
        return Path.Exists(path) || !data.Contains(',', StringComparison.Ordinal)
            ? path
            : string.Join(',', data.Split(',').Select(file => Path.GetFullPath(file.Trim(), currentFolder)));
    }

    private static IEnumerable<string> ReplicaProblems(ClusterFlags.Values cluster, RunRequest request)
    {
        var replicas = request.Nodes * cluster.Devices.Count;
        if (cluster.Coordinator is null && cluster.Devices.Count > 1 && replicas > request.Shards && request.Nodes <= request.Shards)
        {
            yield return $"--devices {string.Join(',', cluster.Devices)}: {request.Nodes} nodes with {cluster.Devices.Count} replicas each are more members than "
                + $"--shards {request.Shards}; each needs at least one shard.";
        }

        if (cluster.Coordinator is null && cluster.Devices.FirstOrDefault(device => device.StartsWith("cuda", StringComparison.Ordinal)) is { } cuda && !Programs.HaveCuda())
            yield return $"--devices {cuda}: this build has the CPU libtorch; './ganymede --torch=cuda …' builds with the other.";
    }
}
