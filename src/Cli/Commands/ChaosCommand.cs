using System.CommandLine;
using System.Globalization;
using Ganymede.Messages;

namespace Ganymede.Cli;

/// <summary><c>ganymede chaos</c>: trains under faults and proves that they change nothing.</summary>
internal static class ChaosCommand
{
    private const string AllFaults = "kill,stop,leave,join,coordinator";

    /// <summary>More than any length of chaos trains; the run is stopped by then.</summary>
    private const long Endless = 1_000_000_000;

    public static Command Create()
    {
        var faults = OptionKinds.Text("--faults", "list", "What to do to the cluster, separated by commas: kill, stop, leave, join, coordinator.", AllFaults);
        var every = OptionKinds.Text("--every", "seconds", "Peace between a recovery and the next fault.", "15s");
        var minutes = OptionKinds.Number("--minutes", "minutes", "How long faults strike.", 0.05, 100_000, 2);
        var seed = OptionKinds.Whole<ulong>("--seed", "number", "Decides which fault hits whom, and the run's weights.", 0, ulong.MaxValue, TrainCommand.DefaultSeed);
        var preset = OptionKinds.Text("--preset", "name", "What to train.", "cgan-32");
        var data = OptionKinds.Text("--data", "source", "What to train on.", "fashion-mnist");
        var shards = OptionKinds.Whole<int>("--shards", "count", "Parts of a mini-batch; at least one more than --nodes.", 1, 1024, 8);
        var nodes = OptionKinds.Whole<int>("--nodes", "count", "GPU nodes at the start.", 1, 256, 3);
        var maxStall = OptionKinds.Number("--max-stall", "seconds", "As of train.", StallDeadlines.LeastSeconds, StallDeadlines.MostSeconds, StallDeadlines.DefaultSeconds);
        var folder = OptionKinds.Text("--out", "folder", "The run's folder. [default: runs/<preset>-<yyyyMMdd-HHmmss>]");
        var json = OptionKinds.Switch("--json", "Print the result as one JSON object on standard output; everything else goes to standard error.");
        var command = new Command("chaos", "Trains on a local cluster, kills, stops, adds and removes its processes, and proves that the result is that of a quiet run.")
        {
            faults, every, minutes, seed, preset, data, shards, nodes, maxStall, folder, json,
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
                Cluster = new ClusterFlags.Values(parsed.GetValue(nodes)!.Value, ["cpu"], 1, null, Key: KeySource.Read(null, isLocal: true, problems)),
                Steps = Endless,
                Shards = parsed.GetValue(shards),
                Seed = parsed.GetValue(seed)!.Value,
                Folder = parsed.GetValue(folder),
                SampleEvery = 0,
                CheckpointEvery = 50,
                MaxStallSeconds = parsed.GetValue(maxStall),
            };
            var chaos = new ChaosSettings(wanted, TimeSpan.FromSeconds(problems.Count == 0 ? seconds : 1), TimeSpan.FromMinutes(parsed.GetValue(minutes)), settings.Seed);
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
        terminal.Line(string.Create(CultureInfo.InvariantCulture,
            $"{result.Faults.Count} faults in {result.Steps:N0} steps and {result.Views} views; hangs: {result.Hangs}; next step after {result.MedianSecondsToNextCommit:0.00} s (median), {result.Percentile95SecondsToNextCommit:0.00} s (95 %), {result.MostSecondsToNextCommit:0.00} s (most)"));
        terminal.Line($"weights {(result.WeightsEqual ? "equal those of the quiet run" : "DIFFER from the quiet run's")}: {result.WeightsSha256}");
        terminal.Line($"ledger: {(result.LedgerProblem is null ? "each sample once" : result.LedgerProblem)}; memory of the longest-living node: x{result.MemoryGrowth.ToString("0.00", CultureInfo.InvariantCulture)}");
        return result.Holds ? ExitCode.Done : ExitCode.Failed;
    }
}
