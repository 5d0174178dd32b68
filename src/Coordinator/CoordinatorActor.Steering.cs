using System.Collections.Immutable;
using System.Globalization;
using Akka.Actor;
using Akka.Event;
using Ganymede.Coordinator.Runs;
using Ganymede.Messages;
using Ganymede.Messages.Api;

namespace Ganymede.Coordinator;

/// <summary>Questions and orders of operators, from any program of the cluster and from HTTP.</summary>
public sealed partial class CoordinatorActor
{
    /// <summary>Jobs that are over and still described.</summary>
    private const int JobsKept = 200;

    private static readonly TimeSpan _presetDeadline = TimeSpan.FromSeconds(10);

    private ImmutableList<RunDescription> _runs = [];
    private ImmutableList<GenerationDescription> _generations = [];
    private readonly Dictionary<string, DateTimeOffset> _registeredAt = [];

    /// <summary>A node's answer to what a run was to be started with.</summary>
    private sealed record PresetKnown(StartRun Start, IActorRef Asker, PresetResolved Preset);

    private void ReceiveSteering()
    {
        Receive<RunDescription>(described => _runs = Keep(_runs, described, known => known.Run == described.Run, known => known.IsOver));
        Receive<GenerationDescription>(described => _generations = Keep(_generations, described, known => known.Job == described.Job, known => known.IsOver));
        Receive<ListRuns>(_ => Sender.Tell(new RunList([.. _runs.Select(run => run with { Views = [] })])));
        Receive<DescribeRun>(question => Sender.Tell(new RunList(FindRun(question.Run) is { } found ? [found] : [])));
        Receive<ListGenerations>(_ => Sender.Tell(new GenerationList([.. _generations])));
        Receive<ListNodes>(_ => Sender.Tell(new NodeList([.. _nodes.Values.Select(Describe)])));
        Receive<ReadEvents>(Read);
        Receive<SteerRun>(Steer);
        Receive<SteerNode>(Steer);
        Receive<CancelGeneration>(cancel =>
        {
            if (_generations.Find(job => job.Job == cancel.Job) is { IsOver: false } && _jobs.TryGetValue(cancel.Job, out var actor))
                actor.Forward(cancel);
            else
                Sender.Tell(SteeringAnswer.NotThere($"No generation job called '{cancel.Job}' is going on."));
        });
        Receive<StartRun>(Start);
        Receive<PresetKnown>(known => Start(known.Start, known.Asker, known.Preset));
        Receive<StartGeneration>(Start);
    }

    /// <summary>Newest first; the oldest that is over goes when there are too many.</summary>
    private static ImmutableList<T> Keep<T>(ImmutableList<T> all, T described, Predicate<T> isSame, Predicate<T> isOver)
    {
        var index = all.FindIndex(isSame);
        if (index >= 0)
            return all.SetItem(index, described);
        all = all.Insert(0, described);
        return all.Count > JobsKept && all.FindLastIndex(isOver) is >= 0 and var last ? all.RemoveAt(last) : all;
    }

    private RunDescription? FindRun(string id) =>
        id.Length > 0 ? _runs.Find(run => run.Run == id) : _runs.Find(run => run.Run == _activeRun) ?? _runs.FirstOrDefault();

    private void Read(ReadEvents question)
    {
        var id = question.Job.Length > 0 ? question.Job : FindRun("")?.Run;
        if (id is null || _events?.Find(id) is not { } log)
        {
            Sender.Tell(new EventPage(null, [], IsLast: true));
            return;
        }

        var (events, isLast) = log.Read(question.After, Math.Clamp(question.Most, 1, 1000));
        Sender.Tell(new EventPage(
            id, [.. events.Select(happened => new EventLine(happened.Sequence, happened.Time, char.ToLowerInvariant($"{happened.Kind}"[0]) + $"{happened.Kind}"[1..], happened.Text))], isLast));
    }

    private void Steer(SteerRun order)
    {
        var id = order.Run.Length > 0 ? order.Run : _activeRun;
        if (id is null)
            Sender.Tell(SteeringAnswer.NotThere("No run is going on."));
        else if (id == _activeRun && _jobs.TryGetValue(id, out var run))
            run.Forward(order with { Run = id });
        else if (_runs.Find(known => known.Run == id) is { } over)
            Sender.Tell(SteeringAnswer.Refusal($"Run {id} is over: {over.Text}"));
        else
            Sender.Tell(SteeringAnswer.NotThere($"No run is called '{id}'."));
    }

    private void Steer(SteerNode order)
    {
        var found = _nodes.Values.Where(node => node.Id.Value == order.Node).ToArray();
        if (found.Length == 0 && order.Node.Length > 0)
            found = [.. _nodes.Values.Where(node => node.Id.Value.StartsWith(order.Node, StringComparison.Ordinal))];
        if (found.Length != 1)
        {
            Sender.Tell(SteeringAnswer.NotThere(found.Length == 0
                ? $"No node is called '{order.Node}'."
                : $"'{order.Node}' may be {string.Join(" or ", found.Select(node => node.Id))}."));
            return;
        }

        var (node, drain) = (found[0], order.Order == NodeOrder.Drain);
        if (drain == node.Registration.DrainedBy is not null)
        {
            Sender.Tell(drain
                ? SteeringAnswer.Of(node.Id.Value, $"Node {node.Id} is drained already, by {node.Registration.DrainedBy}.")
                : SteeringAnswer.Refusal($"Node {node.Id} is not drained."));
            return;
        }

        _log.Info("{Order} of node {Node} by {By}", order.Order, node.Id, order.By);
        var by = drain ? order.By : null;
        _nodes = _nodes.SetItem(node.Id.Value, node with { Registration = node.Registration with { DrainedBy = by } });
        node.Actor.Tell(new NodeDrained(by));
        TellJobs([]);
        Sender.Tell(SteeringAnswer.Of(node.Id.Value, drain
            ? $"Node {node.Id} leaves what it does after the step in hand, and gets no new work."
            : $"Node {node.Id} gets work again."));
    }

    private NodeDescription Describe(KnownNode node)
    {
        var at = node.Actor.Path.Address;
        var registration = node.Registration;
        var run = _runs.Find(known => known.Run == _activeRun && known.Members.Any(member => member.Node == node.Id.Value));
        var member = run?.Members.First(its => its.Node == node.Id.Value);
        return new NodeDescription(
            node.Id.Value, (at.HasLocalScope ? Akka.Cluster.Cluster.Get(Context.System).SelfAddress : at).ToString(),
            $"{registration.DataHost}:{registration.DataPort}", registration.Devices, registration.ThreadsPerReplica, registration.ProcessId,
            member?.State ?? (registration.DrainedBy is null ? "free" : "drained"), registration.DrainedBy, run?.Run, run?.View ?? 0, member,
            _registeredAt.GetValueOrDefault(node.Id.Value));
    }

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
        if (request.Data is not ("fashion-mnist" or "fashion-mnist-full") && !request.Data.Split(',').All(Path.IsPathFullyQualified))
            problems.Add($"data {request.Data}: fashion-mnist, fashion-mnist-full, or an absolute path is expected.");
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
