using System.Globalization;
using Ganymede.Messages;
using static Ganymede.Commands.Define;

namespace Ganymede.Commands;

/// <summary>Generation jobs.</summary>
internal static class GeneratePalette
{
    private static readonly PbmArgument _job = Mandatory("-j", "job", "Its id.");

    public static PbmPalette Create() => new("generate", "generation jobs",
    [
        Command("start", "Draws labelled images from a run's newest checkpoint.", Order(Start),
            Optional("-r", "run", "The run's id, or its folder. [default: the newest run]"),
            Mandatory("-n", "count", "Images, over all classes."),
            Repeated("-c", "class", "Draw this class only. [default: all, in turn]"),
            Optional("-e", "seed", "Fixes the images. [default: 42]"),
            Optional("-t", "to", "Folder for them, absolute or relative to the run's. [default: images]"),
            Optional("-m", "nodes", "Nodes with which the job begins. [default: 1]")),
        Command("list", "Lists the jobs, newest first.", Answer(List)),
        Command("show", "Describes a job.", Answer(Show), _job),
        Command("cancel", "Cancels a job; what is stored stays, and the same job goes on from there.", Order(call => new CancelGeneration(call["job"], call.By)), _job),
        Stream("tail", "Prints a job's events as they happen, until it ends.", (call, cancel) => JobTail.Follow(call.Context, call["job"], cancel), _job),
    ]);

    private static StartGeneration Start(PbmCall call)
    {
        ulong? seed = null;
        if (call.Has("seed"))
        {
            seed = ulong.TryParse(call["seed"], NumberStyles.None, CultureInfo.InvariantCulture, out var number)
                ? number
                : throw PbmException.Usage($"seed '{call["seed"]}': a whole number is expected.");
        }

        return new StartGeneration(
            call["run"], call.Whole("count", 1, 1_000_000_000)!.Value, call.All("class"), seed, call["to"], (int)(call.Whole("nodes", 1, 1024) ?? 0), call.By);
    }

    private static async Task<IEnumerable<string>> List(PbmCall call, CancellationToken cancel)
    {
        var jobs = (await call.Context.Ask<GenerationList>(new ListGenerations(), cancel)).Jobs;
        return
        [
            .. Table([["JOB", "STATE", "IMAGES", "IMAGES/S", "TO"],
                .. jobs.Select(job => new[] { job.Job, job.State, Text($"{job.Images}/{job.Count}"), Text($"{job.ImagesPerSecond:0}"), job.Destination })]),
            Text($"Count: {jobs.Length} jobs"),
        ];
    }

    private static async Task<IEnumerable<string>> Show(PbmCall call, CancellationToken cancel)
    {
        var job = (await call.Context.Ask<GenerationList>(new ListGenerations(), cancel)).Jobs.FirstOrDefault(known => known.Job == call["job"])
            ?? throw new PbmException($"No job is called '{call["job"]}'; 'generate list' lists them.");
        return
        [
            $"job: {job.Job}",
            $"state: {job.State}",
            $"run: {job.RunFolder}",
            $"to: {job.Destination}",
            Text($"images: {job.Images} of {job.Count}, {job.ImagesPerSecond:0} a second"),
            $"samplers: {string.Join(", ", job.Samplers)}",
            Text($"begun: {job.Begun:yyyy-MM-dd HH:mm:ss}Z{(job.Ended is { } ended ? $", ended {ended:HH:mm:ss}Z" : "")}"),
            $"last: {job.Text}",
        ];
    }
}
