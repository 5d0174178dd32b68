using System.Globalization;
using Ganymede.Messages;
using static Ganymede.Commands.Define;

namespace Ganymede.Commands;

/// <summary>Training runs.</summary>
internal static class RunPalette
{
    private static readonly PbmArgument _run = Optional("-r", "run", "Its id. [default: the one that goes on]");

    public static PbmPalette Create() => new("run", "training runs",
    [
        Command("list", "Lists the runs, newest first.", Answer(List)),
        Command("show", "Describes a run: figures, members, their shards.", Answer(Show),
            Optional("-r", "run", "Its id. [default: the one that goes on, or the newest]")),
        Command("start", "Starts a run.", Order(Start),
            Optional("-p", "preset", "Networks, loss and optimizers: a name, or the absolute path of a .json file. [default: cgan-32]"),
            Repeated("-x", "set", "Override a key of the preset: KEY=VALUE."),
            Optional("-d", "data", "fashion-mnist, fashion-mnist-full, fashion-mnist-test, or an absolute path. [default: fashion-mnist]"),
            Optional("-s", "steps", "Steps in all. [default: the preset's]"),
            Optional("-n", "nodes", "GPU nodes. [default: all, up to one a shard]"),
            Optional("-b", "batch", "Images of the global mini-batch. [default: the preset's]"),
            Optional("-v", "shards", "Parts of the mini-batch, a power of two. [default: the preset's]"),
            Optional("-e", "seed", "Fixes weights, noise and the order of samples. [default: 42]"),
            Optional("-o", "out", "The run's folder, absolute or relative to the Coordinator's Runs:Folder. [default: a new one there]"),
            Optional("-c", "checkpoint-every", "Steps between checkpoints; 0 for the last only. [default: 500]"),
            Optional("-g", "sample-every", "Steps between sample grids; 0 for the last only. [default: 250]"),
            Optional("-m", "max-stall", "Seconds after which a node that does nothing any more is out of the run. [default: 3]"),
            Flag("-r", "resume", "Go on with the run in --out from its newest checkpoint; all but --steps and --nodes is its own.")),
        Command("pause", "Holds a run at the end of the step in hand, with a checkpoint; changes no weight.", Order(Steer(RunOrder.Pause)), _run),
        Command("resume", "Lets a paused run go on.", Order(Steer(RunOrder.Resume)), _run),
        Command("stop", "Ends a run after the step in hand, with a checkpoint.", Order(Steer(RunOrder.Stop)), _run),
        Command("checkpoint", "Writes a checkpoint after the step in hand.", Order(Steer(RunOrder.Checkpoint)), _run),
        Stream("tail", "Prints a run's events as they happen, until it ends.", (call, cancel) => JobTail.Follow(call.Context, call["run"], cancel),
            Optional("-r", "run", "Its id. [default: the one that goes on, or the newest]")),
        Command("explain", "Tells what happened in a run: who died, stopped, joined or left, how long that took, and who was late.", Answer(Explain),
            Optional("-r", "run", "Its id. [default: the one that goes on, or the newest]")),
    ]);

    private static readonly string[] _fixedByRun = ["preset", "set", "data", "batch", "shards", "seed", "checkpoint-every", "sample-every", "max-stall"];

    private static Func<PbmCall, IClusterMessage> Steer(RunOrder order) => call => new SteerRun(call["run"], order, call.By);

    private static StartRun Start(PbmCall call)
    {
        if (call.Has("resume") && Array.Find(_fixedByRun, call.Has) is { } given)
        {
            throw PbmException.Usage($"--{given} does not go with --resume: a run goes on with its own.");
        }

        double? stall = null;
        if (call.Has("max-stall"))
        {
            stall = double.TryParse(call["max-stall"], NumberStyles.Float, CultureInfo.InvariantCulture, out var seconds)
                ? seconds
                : throw PbmException.Usage($"max-stall '{call["max-stall"]}': seconds are expected.");
        }

        ulong? seed = null;
        if (call.Has("seed"))
        {
            seed = ulong.TryParse(call["seed"], NumberStyles.None, CultureInfo.InvariantCulture, out var number)
                ? number
                : throw PbmException.Usage($"seed '{call["seed"]}': a whole number is expected.");
        }

        return new StartRun(
            call.Has("preset") ? call["preset"] : "cgan-32", call.All("set"), call["data"], call.Whole("steps", 1, 1_000_000_000) ?? 0,
            (int)(call.Whole("nodes", 1, 1024) ?? 0), seed, call["out"], call.Has("resume"), call.By)
        {
            Batch = (int)(call.Whole("batch", 1, 65_536) ?? 0),
            Shards = (int)(call.Whole("shards", 1, 1024) ?? 0),
            CheckpointEvery = call.Whole("checkpoint-every", 0, 1_000_000_000),
            SampleEvery = call.Whole("sample-every", 0, 1_000_000_000),
            MaxStallSeconds = stall,
        };
    }

    private static async Task<IEnumerable<string>> List(PbmCall call, CancellationToken cancel)
    {
        var runs = (await call.Context.Ask<RunList>(new ListRuns(), cancel)).Runs;
        return
        [
            .. Table([["RUN", "STATE", "STEP", "IMAGES/S", "VIEW", "MEMBERS", "FOLDER"],
                .. runs.Select(run => new[]
                {
                    run.Run, run.State, Text($"{run.Step}/{run.Steps}"), Text($"{run.ImagesPerSecond:0}"), Text($"{run.View}"), Text($"{run.Members.Length}"), run.Folder,
                })]),
            Text($"Count: {runs.Length} runs"),
        ];
    }

    /// <summary>The run that is meant.</summary>
    internal static async Task<RunDescription> Find(PbmCall call, CancellationToken cancel) =>
        (await call.Context.Ask<RunList>(new DescribeRun(call["run"]), cancel)).Runs is [var run]
            ? run
            : throw new PbmException(call.Has("run") ? $"No run is called '{call["run"]}'; 'run list' lists them." : "No run has been started yet.");

    private static async Task<IEnumerable<string>> Show(PbmCall call, CancellationToken cancel)
    {
        var run = await Find(call, cancel);
        List<string> lines =
        [
            $"run: {run.Run}",
            $"state: {run.State}{(run.PausedBy is null ? "" : $", by {run.PausedBy}")}",
            $"preset: {run.Preset}",
            $"data: {run.Data}",
            $"folder: {run.Folder}",
            Text($"seed: {run.Seed}"),
            Text($"step: {run.Step} of {run.Steps}"),
            Text($"batch: {run.Batch} in {run.Shards} shards"),
            Text($"losses: D {run.DiscriminatorLoss ?? double.NaN:0.000}, G {run.GeneratorLoss ?? double.NaN:0.000}"),
            Text($"speed: {run.StepsPerSecond:0.0} steps/s, {run.ImagesPerSecond:0} images/s{(run.SecondsLeft > 0 ? $", {Duration(run.SecondsLeft)} left" : "")}"),
            Text($"view: {run.View}"),
            Text($"begun: {run.Begun:yyyy-MM-dd HH:mm:ss}Z{(run.Ended is { } ended ? $", ended {ended:HH:mm:ss}Z" : "")}"),
            $"last: {run.Text}",
        ];
        if (run.Members.Length > 0)
        {
            lines.AddRange(Table([["MEMBER", "STATE", "SHARDS", "STEP", "IMAGES/S", "MEMORY"],
                .. run.Members.Select(member => new[]
                {
                    member.Node, member.State, Shards(member), Text($"{member.Step}"), Text($"{member.ImagesPerSecond:0}"), Text($"{member.ResidentBytes / 1e6:0} MB"),
                })]));
        }

        return lines;
    }

    internal static string Shards(MemberDescription member) => member.ShardCount == 0 ? "-" : Text($"{member.FirstShard}..{member.FirstShard + member.ShardCount - 1}");

    private static async Task<IEnumerable<string>> Explain(PbmCall call, CancellationToken cancel)
    {
        var run = await Find(call, cancel);
        try
        {
            return await Task.Run(() => RunStory.Tell(run.Folder).ToArray(), cancel);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new PbmException($"{run.Run}: {error.Message}");
        }
    }
}
