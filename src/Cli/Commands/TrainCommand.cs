using System.CommandLine;
using Ganymede.Messages;

namespace Ganymede.Cli;

/// <summary><c>ganymede train</c>: one run, on a local cluster or another one.</summary>
internal static class TrainCommand
{
    /// <inheritdoc cref="Messages.Api.RunRequest.DefaultSeed"/>
    public const ulong DefaultSeed = Messages.Api.RunRequest.DefaultSeed;

    private static readonly Option<bool> Json = OptionKinds.Switch("--json", "Print the result as one JSON object on standard output; everything else goes to standard error.");

    public static Command Create()
    {
        var data = OptionKinds.Text("--data", "source",
            "Images: fashion-mnist (2,000, embedded), fashion-mnist-full (60,000, from a Debian package) and fashion-mnist-test (10,000 others), an idx pair as IMAGES,LABELS, or a folder with a folder of PNG/JPEG per class.", "fashion-mnist");
        var preset = OptionKinds.Text("--preset", "name", "Networks, loss and optimizers: a name ('ganymede presets' lists them) or a .json file.", "cgan-32");
        var set = OptionKinds.Repeatable("--set", "key=value", "Override a key of the preset, such as discriminatorOptimizer.learningRate=1e-4.");
        var cluster = new ClusterFlags();
        var steps = OptionKinds.Whole<long>("--steps", "count", "Updates of both networks, in all (with --resume too). [default: the preset's]", 1, 1_000_000_000);
        var batch = OptionKinds.Whole<int>("--batch", "images", "Images of the global mini-batch, a multiple of --shards. [default: the preset's]", 1, 65_536);
        var shards = OptionKinds.Whole<int>("--shards", "count", "V, the parts a mini-batch is cut into: a power of two, at least the number of replicas. [default: the preset's]", 1, 1024);
        var seed = OptionKinds.Whole<ulong>("--seed", "number", "Fixes weights, noise and the order of samples.", 0, ulong.MaxValue, DefaultSeed);
        var folder = OptionKinds.Text("--out", "folder", "The run's folder. [default: runs/<preset>-<yyyyMMdd-HHmmss>]");
        var resume = OptionKinds.Switch("--resume", "Continue the run in --out from its newest checkpoint, bit for bit.");
        var sampleEvery = OptionKinds.Whole("--sample-every", "steps", "Steps between sample grids; 0 draws only the last.", 0, 1_000_000_000, (long?)250);
        var checkpointEvery = OptionKinds.Whole("--checkpoint-every", "steps", "Steps between checkpoints; 0 writes only the last.", 0, 1_000_000_000, (long?)500);
        var keepCheckpoints = OptionKinds.Whole("--keep-checkpoints", "count", "Newest checkpoints that are kept; 0 keeps all.", 0, 1_000_000, (int?)3);
        var skipUnreadable = OptionKinds.Switch("--skip-unreadable", "Leave unreadable images out, with a warning each, rather than stop.");
        var maxStall = OptionKinds.Number("--max-stall", "seconds", "After how long a node that does nothing any more is out of the run; every deadline derives from it.", StallDeadlines.LeastSeconds, StallDeadlines.MostSeconds, StallDeadlines.DefaultSeconds);
        var rebalance = OptionKinds.Text("--rebalance", "on|off", "Give slower nodes fewer shards, as their measured speed asks for. Changes no result.", "on");

        var command = new Command("train", "Trains a GAN and leaves weights, checkpoints and sample grids in the run's folder.")
        {
            data, preset, set, steps, batch, shards, seed, folder, resume, sampleEvery, checkpointEvery, keepCheckpoints, skipUnreadable, maxStall, rebalance, Json,
        };
        cluster.AddTo(command);
        command.SetAction((parsed, _) =>
        {
            List<string> problems = [];
            var balance = parsed.GetValue(rebalance)!;
            if (balance is not ("on" or "off"))
                problems.Add($"--rebalance {balance}: on or off.");
            var settings = new TrainSettings
            {
                Data = parsed.GetValue(data)!,
                Preset = parsed.GetValue(preset)!,
                Set = parsed.GetValue(set)!,
                Cluster = cluster.Read(parsed, problems),
                Steps = parsed.GetValue(steps),
                Batch = parsed.GetValue(batch),
                Shards = parsed.GetValue(shards),
                Seed = parsed.GetValue(seed)!.Value,
                Folder = parsed.GetValue(folder),
                Resume = parsed.GetValue(resume),
                SampleEvery = parsed.GetValue(sampleEvery)!.Value,
                CheckpointEvery = parsed.GetValue(checkpointEvery)!.Value,
                KeepCheckpoints = parsed.GetValue(keepCheckpoints)!.Value,
                SkipUnreadable = parsed.GetValue(skipUnreadable),
                MaxStallSeconds = parsed.GetValue(maxStall),
                Rebalance = balance == "on",
                Given = [.. new (Option Option, string Name)[] { (data, "--data"), (preset, "--preset"), (set, "--set"), (seed, "--seed") }
                    .Where(pair => parsed.Given(pair.Option)).Select(pair => pair.Name)],
            };
            return RunAsync(settings, problems, new Terminal(parsed.GetValue(Json)));
        });
        return command;
    }

    private static async Task<int> RunAsync(TrainSettings settings, List<string> problems, Terminal terminal)
    {
        var request = TrainPlan.Make(settings, problems, Environment.CurrentDirectory, DateTime.Now);
        using var interruption = new Interruption(terminal.Line);
        await using var session = await Session.OpenAsync(settings.Cluster, request.Folder, terminal, interruption);
        var result = await session.TrainAsync(request);
        terminal.Result(result);
        Summary.OfTraining(terminal, result);
        return result.Stopped ? ExitCode.Interrupted : ExitCode.Done;
    }
}
