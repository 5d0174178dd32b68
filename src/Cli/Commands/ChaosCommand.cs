using System.CommandLine;
using System.Globalization;
using Ganymede.Messages;

namespace Ganymede.Cli;

/// <summary><c>ganymede chaos</c>: trains under faults and proves that they change nothing.</summary>
internal static class ChaosCommand
{
    private const string MostFaults = "kill,stop,leave,join,coordinator";

    /// <summary>More than any length of chaos trains; the run is stopped by then.</summary>
    private const long Endless = 1_000_000_000;

    public static Command Create()
    {
        var faults = OptionKinds.Text("--faults", "list",
            $"What to do to the cluster, separated by commas: kill, pair (two at once), stop, leave, join, coordinator, lighthouse, partition (needs root), kill@POINT with a point of {string.Join(", ", FaultKind.Deaths)}, or kill@points for all of them.", MostFaults);
        var every = OptionKinds.Text("--every", "seconds", "Peace between a recovery and the next fault, on average.", "15s");
        var minutes = OptionKinds.Number("--minutes", "minutes", "How long faults strike.", 0.05, 100_000, 2);
        var each = OptionKinds.Whole<int>("--each", "count", "How often each of the faults strikes, in mixed order, rather than for --minutes; each of them then meets all nodes at work.", 1, 100_000);
        var pause = OptionKinds.Number("--pause", "seconds", "How long a node is stopped and a link is cut.", 0.1, 3600, 10);
        var seed = OptionKinds.Whole<ulong>("--seed", "number", "Decides which fault hits whom, and the run's weights.", 0, ulong.MaxValue, TrainCommand.DefaultSeed);
        var preset = OptionKinds.Text("--preset", "name", "What to train.", "cgan-32");
        var set = OptionKinds.Repeatable("--set", "key=value", "As of train.");
        var batch = OptionKinds.Whole<int>("--batch", "images", "As of train. [default: the preset's]", 1, 65_536);
        var checkpointEvery = OptionKinds.Whole("--checkpoint-every", "steps", "As of train.", 0, 1_000_000_000, (long?)50);
        var data = OptionKinds.Text("--data", "source", "What to train on.", "fashion-mnist");
        var shards = OptionKinds.Whole<int>("--shards", "count", "Parts of a mini-batch; at least one more than --nodes.", 1, 1024, 8);
        var nodes = OptionKinds.Whole<int>("--nodes", "count", "GPU nodes at the start.", 1, 256, 3);
        var maxStall = OptionKinds.Number("--max-stall", "seconds", "As of train.", StallDeadlines.LeastSeconds, StallDeadlines.MostSeconds, StallDeadlines.DefaultSeconds);
        var folder = OptionKinds.Text("--out", "folder", "The run's folder. [default: runs/<preset>-<yyyyMMdd-HHmmss>]");
        var json = OptionKinds.Switch("--json", "Print the result as one JSON object on standard output; everything else goes to standard error.");
        var command = new Command("chaos", "Trains on a local cluster, kills, stops, adds and removes its processes, and proves that the result is that of a quiet run.")
        {
            faults, every, minutes, each, pause, seed, preset, set, data, batch, shards, nodes, checkpointEvery, maxStall, folder, json,
        };
        command.SetAction((parsed, _) =>
        {
            List<string> problems = [];
            var wanted = ChaosSettings.ParseFaults(parsed.GetValue(faults)!, problems);
            var text = parsed.GetValue(every)!;
            if (!double.TryParse(text.TrimEnd('s'), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var seconds) || seconds is not (>= 0.1 and <= 86_400))
                problems.Add($"--every {text}: seconds from 0.1 to 86,400 are expected, such as 15s.");
            if (parsed.GetValue(shards) <= parsed.GetValue(nodes))
                problems.Add($"--shards {parsed.GetValue(shards)}: more than --nodes {parsed.GetValue(nodes)}, so that one more can join.");
            var settings = new TrainSettings
            {
                Data = parsed.GetValue(data)!,
                Preset = parsed.GetValue(preset)!,
                Set = parsed.GetValue(set)!,
                Batch = parsed.GetValue(batch),
                Cluster = new ClusterFlags.Values(parsed.GetValue(nodes)!.Value, ["cpu"], 1, null, Key: KeySource.Read(null, isLocal: true, problems)),
                Steps = Endless,
                Shards = parsed.GetValue(shards),
                Seed = parsed.GetValue(seed)!.Value,
                Folder = parsed.GetValue(folder),
                SampleEvery = 0,
                CheckpointEvery = parsed.GetValue(checkpointEvery)!.Value,
                MaxStallSeconds = parsed.GetValue(maxStall),
            };
            if (settings.CheckpointEvery == 0 && wanted.Any(kind => kind.Point == FaultPoint.Checkpoint))
                problems.Add("--faults kill@Checkpoint: with --checkpoint-every 0 nobody writes one.");
            var chaos = new ChaosSettings(
                wanted, TimeSpan.FromSeconds(problems.Count == 0 ? seconds : 1), TimeSpan.FromMinutes(parsed.GetValue(minutes)), parsed.GetValue(each),
                TimeSpan.FromSeconds(parsed.GetValue(pause)), settings.Seed);
            return RunAsync(settings, chaos, problems, new Terminal(parsed.GetValue(json)));
        });
        return command;
    }

    private static async Task<int> RunAsync(TrainSettings settings, ChaosSettings chaos, List<string> problems, Terminal terminal)
    {
        var request = TrainPlan.Make(settings, problems, Environment.CurrentDirectory, DateTime.Now);
        using var interruption = new Interruption(terminal.Line);
        ChaosResult result;
        try
        {
            result = await new ChaosRun(request, settings.Cluster, chaos, terminal).RunAsync(interruption.Stop);
        }
        catch (OperationCanceledException) when (interruption.Stop.IsCancellationRequested)
        {
            throw new InterruptedException("Interrupted.");
        }

        terminal.Result(result);
        Say(result, terminal);
        return result.Holds ? ExitCode.Done : ExitCode.Failed;
    }

    private static void Say(ChaosResult result, Terminal terminal)
    {
        var missed = result.Faults.Count(fault => fault.Named == false);
        var judged = result.Faults.Count(fault => fault.Named is not null);
        string[] lines =
        [
            "",
            Distribution.Head,
            .. result.Recoveries.Select(kind => kind.ToString()),
            "",
            string.Create(CultureInfo.InvariantCulture, $"{result.Faults.Count} faults in {result.Steps:N0} steps and {result.Views} views; hangs: {result.Hangs}"),
            string.Create(CultureInfo.InvariantCulture, $"a step takes {1000 * result.MedianStepSeconds:0} ms (median); 95 % of recoveries within {result.Recoveries[^1].Percentile95:0.000} s, where {result.BarSeconds:0.###} s are the bar"),
            string.Create(CultureInfo.InvariantCulture, $"evictions after {result.Evictions.Median:0.000} s (median), {result.Evictions.Percentile95:0.000} s (95 %), {result.Evictions.Most:0.000} s (most); --max-stall is {result.MaxStallSeconds:0.###} s"),
            $"victim and phase named rightly: {judged - missed} of {judged}; survivors that ended: {(result.SurvivorsLost.Count == 0 ? "none" : string.Join(", ", result.SurvivorsLost))}",
            $"weights {(result.WeightsEqual ? "equal those of the quiet run" : "DIFFER from the quiet run's")}: {result.WeightsSha256}",
            string.Create(CultureInfo.InvariantCulture, $"ledger: {result.LedgerProblem ?? "each sample once"}; memory of the longest-living node: x{result.MemoryGrowth:0.00}"),
            .. result.KeptOut.Count == 0 ? Array.Empty<string>() : [$"nodes that could not join after the Lighthouse was back: {string.Join(", ", result.KeptOut)}"],
        ];
        foreach (var line in lines)
            terminal.Line(line);
    }
}
