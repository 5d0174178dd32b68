using System.Globalization;
using Akka.Actor;
using Ganymede.Coordinator.Runs;
using Ganymede.Datasets;
using Ganymede.Messages;
using Ganymede.Messages.Api;

namespace Ganymede.Coordinator;

/// <summary>Runs and generation jobs that operators start: what they leave out is found, and what they say is checked.</summary>
public sealed partial class CoordinatorActor
{
    private static readonly TimeSpan _presetDeadline = TimeSpan.FromSeconds(10);

    /// <summary>A node's answer to what a run was to be started with.</summary>
    private sealed record PresetKnown(StartRun Start, IActorRef Asker, PresetResolved Preset);

    private string Absolute(string path) => Path.GetFullPath(path, _runsFolder);

    /// <summary>An operator's words, from any program: what no file system takes must not get as far as to one. Null for none.</summary>
    private static SteeringAnswer? PathProblem(params ReadOnlySpan<(string What, string Path)> paths)
    {
        foreach (var (what, path) in paths)
        {
            if (path.AsSpan().IndexOfAny(Path.GetInvalidPathChars()) is >= 0 and var at)
                return SteeringAnswer.Refusal($"{what}: character {at + 1} (U+{(int)path[at]:X4}) cannot be in a path.");
        }

        return null;
    }

    private void Start(StartRun start)
    {
        if (PathProblem(("folder", start.Folder), ("data", start.Data)) is { } problem)
        {
            Sender.Tell(problem);
            return;
        }

        if (start.Resume)
        {
            Sender.Tell(ResumeRun(start));
            return;
        }

        if (_nodes.IsEmpty)
        {
            Sender.Tell(SteeringAnswer.Refusal("No GPU node is registered; one has to resolve the preset."));
            return;
        }

        var asker = Sender;
        _nodes.Values.First().Actor
            .Ask<PresetResolved>(new ResolvePreset(start.Preset, start.Overrides, start.Batch, start.Shards), _presetDeadline)
            .PipeTo(Self, success: preset => new PresetKnown(start, asker, preset), failure: _ => new PresetKnown(start, asker, new PresetResolved(
                "", "", 0, 0, 0, 0, 0, $"no node has resolved the preset within {_presetDeadline.TotalSeconds:0} s")));
    }

    private void Start(StartRun start, IActorRef asker, PresetResolved preset)
    {
        if (preset.Problem is not null)
        {
            asker.Tell(SteeringAnswer.Refusal($"preset {start.Preset}: {preset.Problem}"));
            return;
        }

        var request = new RunRequest
        {
            Folder = Absolute(start.Folder.Length > 0 ? start.Folder : string.Create(CultureInfo.InvariantCulture, $"{preset.Name}-{_time.GetUtcNow():yyyyMMdd-HHmmss}")),
            PresetName = preset.Name,
            Preset = preset.Json,
            Data = start.Data.Length == 0 ? "fashion-mnist" : start.Data,
            Size = preset.Size,
            Channels = preset.Channels,
            Seed = start.Seed ?? RunRequest.DefaultSeed,
            Steps = start.Steps > 0 ? start.Steps : preset.Steps,
            Batch = preset.Batch,
            Shards = preset.Shards,
            CriticSteps = preset.CriticSteps,
            Nodes = start.Nodes > 0 ? start.Nodes : Math.Max(1, Math.Min(_nodes.Values.Count(node => node.Registration.DrainedBy is null), preset.Shards)),
            CheckpointEvery = start.CheckpointEvery ?? 500,
            SampleEvery = start.SampleEvery ?? 250,
            MaxStallSeconds = start.MaxStallSeconds ?? StallDeadlines.DefaultSeconds,
        };
        List<string> problems = [.. request.Problems()];
        if (!DataSource.IsNamed(request.Data) && !request.Data.Split(',').All(Path.IsPathFullyQualified))
            problems.Add($"data {request.Data}: fashion-mnist, fashion-mnist-full, fashion-mnist-test, or an absolute path is expected.");
        if (problems.Count == 0)
            problems.AddRange(RunFolder.Problems(request.Folder, resume: false, "folder"));
        asker.Tell(problems.Count == 0 ? Begin(request, start.By) : SteeringAnswer.Refusal([.. problems]));
    }

    private SteeringAnswer ResumeRun(StartRun start)
    {
        var folder = Absolute(start.Folder);
        if (start.Folder.Length == 0 || RunRecord.Read(folder) is not { } record)
            return SteeringAnswer.Refusal(start.Folder.Length == 0 ? "Which run is to be resumed? Name its folder." : $"folder {folder}: no run that could be resumed is there (coordinator.json).");
        var request = record.Request with
        {
            Folder = folder,
            Resume = true,
            Steps = start.Steps > 0 ? start.Steps : record.Request.Steps,
            Nodes = start.Nodes > 0 ? start.Nodes : record.Request.Nodes,
        };
        return request.Problems() is { Count: > 0 } problems ? SteeringAnswer.Refusal([.. problems]) : Begin(request, start.By);
    }

    private SteeringAnswer Begin(RunRequest request, string by)
    {
        switch (Submit(request, by))
        {
            case Accepted accepted:
                return SteeringAnswer.Of(accepted.Id, $"Run {accepted.Id} starts in {request.Folder}.{WriteRequest(request)}");
            case Refused refused:
                return SteeringAnswer.Refusal([.. refused.Problems]);
            case var other:
                throw new InvalidOperationException($"A run was answered with {other}.");
        }
    }

    /// <summary>What is wrong with the file, if it cannot be written; the run goes on without it.</summary>
    private static string WriteRequest(RunRequest request)
    {
        try
        {
            RunFolder.WriteRequest(request);
            return "";
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return $" What was asked for cannot be written there, so that the folder does not say it: {error.Message}";
        }
    }

    private void Start(StartGeneration start)
    {
        if (PathProblem(("run", start.Run), ("destination", start.Destination)) is { } problem)
        {
            Sender.Tell(problem);
            return;
        }

        var folder = _runs.Find(run => run.Run == start.Run)?.Folder ?? (start.Run.Length == 0 ? FindRun("")?.Folder : Absolute(start.Run));
        if (folder is null)
        {
            Sender.Tell(SteeringAnswer.NotThere("Which run is to draw? Name it, or its folder."));
            return;
        }

        var request = new GenerationRequest
        {
            RunFolder = folder,
            Destination = start.Destination.Length > 0 ? Path.GetFullPath(start.Destination, folder) : Path.Combine(folder, "images"),
            Count = start.Count,
            Seed = start.Seed ?? RunRequest.DefaultSeed,
            Classes = start.Classes,
            Nodes = start.Nodes > 0 ? start.Nodes : 1,
        };
        Sender.Tell(!Directory.Exists(folder)
            ? SteeringAnswer.Refusal($"run {start.Run}: there is no folder {folder}.")
            : Submit(request, start.By) switch
            {
                Accepted accepted => SteeringAnswer.Of(accepted.Id, $"Job {accepted.Id} draws {request.Count} images into {request.Destination}."),
                Refused refused => SteeringAnswer.Refusal([.. refused.Problems]),
                var other => throw new InvalidOperationException($"A generation job was answered with {other}."),
            });
    }
}
