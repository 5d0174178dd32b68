using System.CommandLine;
using Ganymede.Datasets;
using Ganymede.Messages;
using Ganymede.Training;
using Ganymede.Training.Metrics;

namespace Ganymede.Cli;

/// <summary><c>ganymede tune</c>.</summary>
internal static class TuneCommand
{
    public static Command Create()
    {
        var data = OptionKinds.Text("--data", "source", "What to train on, as 'train --data' takes it.", "fashion-mnist");
        var heldOut = OptionKinds.Text("--held-out", "source", "Real images to judge with that nothing is trained on, such as fashion-mnist-test. [default: half of --data, at most 10,000]");
        var preset = OptionKinds.Text("--preset", "name", "What to begin with: a name or a .json file.", "cgan-32");
        var set = OptionKinds.Repeatable("--set", "key=value", "Overrides a setting of the preset in all trials.");
        var search = OptionKinds.Repeatable("--search", "key=values",
            "A setting to search, as KEY=LOW..HIGH (by factors where both are positive) or KEY=VALUE,VALUE,…. [default: both learning rates, ema, augment.translation]");
        var budget = OptionKinds.Duration("--budget", "Time for all of it.", TimeSpan.FromSeconds(1), TimeSpan.FromDays(365), "30m");
        var trials = OptionKinds.Whole("--trials", "count", "How many changed presets to try, besides the preset as it is.", 1, 10_000, (int?)8);
        var factor = OptionKinds.Whole("--factor", "N", "One trial in N is trained on after each comparison.", 2, 100, (int?)3);
        var first = OptionKinds.Whole<long>("--first-steps", "N", "Steps of every trial before the first comparison. [default: a tenth of --steps]", 1, 1_000_000_000);
        var steps = OptionKinds.Whole<long>("--steps", "N", "Steps after which a trial is not trained on, if the budget goes so far. [default: the preset's]", 1, 1_000_000_000);
        var images = OptionKinds.Whole("--images", "count", "Images to draw of each trial to judge it.", EvaluationSettings.Least, 100_000, (int?)1000);
        var updates = OptionKinds.Whole("--updates", "N", "Updates of the probe that judges, 64 images each.", 1, 1_000_000, (int?)1000);
        var seed = OptionKinds.Whole<ulong>("--seed", "number", "Decides what is tried, and weights, noise and the order of samples of every trial.", 0, ulong.MaxValue, TrainCommand.DefaultSeed);
        var folder = OptionKinds.Text("--out", "folder", "Where trials, tune.json and best.json go; the same command goes on where it was cut off.", "runs/tune");
        var json = OptionKinds.Switch("--json", "Print what tune.json holds as one JSON object on standard output; everything else goes to standard error.");
        var cluster = new ClusterFlags();
        var command = new Command("tune", "Searches a better preset: short trials side by side on the cluster's nodes, of which the best by KID train on (successive halving).")
        {
            data, heldOut, preset, set, search, budget, trials, factor, first, steps, images, updates, seed, folder, json,
        };
        cluster.AddTo(command);
        command.SetAction(async (parsed, _) =>
        {
            List<string> problems = [];
            var terminal = new Terminal(parsed.GetValue(json));
            var flags = cluster.Read(parsed, problems);
            var current = Environment.CurrentDirectory;
            var settings = new TuneSettings(
                parsed.GetValue(preset)!, parsed.GetValue(set)!, parsed.GetValue(data)!, parsed.GetValue(heldOut), [], parsed.GetValue(trials)!.Value,
                parsed.GetValue(factor)!.Value, parsed.GetValue(first) ?? 0, parsed.GetValue(steps) ?? 0, parsed.GetValue(budget), parsed.GetValue(images)!.Value, parsed.GetValue(updates)!.Value,
                Math.Min(2, Environment.ProcessorCount), parsed.GetValue(seed)!.Value, Path.GetFullPath(parsed.GetValue(folder)!, current), flags);
            settings = Complete(settings, parsed.GetValue(search)!, current, problems);
            if (problems.Count == 0 && RunFolder.WritableProblem(settings.Folder, "--out") is { } problem)
                problems.Add(problem);
            if (problems.Count > 0)
                throw new BadInputException([.. problems]);
            var found = TuneRecord.Read(settings.Folder, settings.Search);

            using var interruption = new Interruption(terminal.Line);
            var record = found is { Complete: true } ? found : await RunAsync(settings, found, terminal, interruption);
            terminal.Result(record);
            Show(terminal, settings, record);
            return ExitCode.Done;
        });
        return command;
    }

    private static TuneSettings Complete(TuneSettings settings, string[] search, string current, List<string> problems)
    {
        foreach (var (option, source) in new[] { ("--data", settings.Data), ("--held-out", settings.HeldOut) })
        {
            try
            {
                if (source is not null)
                    DataSource.Resolve(source, current);
            }
            catch (BadDataException error)
            {
                problems.Add(option == "--data" ? error.Message : $"{option}: {error.Message}");
            }
        }

        List<Dial> dials = [];
        foreach (var text in search)
        {
            try
            {
                dials.Add(Dial.Parse(text));
            }
            catch (FormatException error)
            {
                problems.Add($"--search {text}: {error.Message}.");
            }
        }

        try
        {
            var preset = Preset.Load(settings.Preset, settings.Set);
            settings = settings with
            {
                Data = TrainPlan.MadeAbsolute(settings.Data, current),
                Dials = search.Length > 0 ? dials : Dial.UsualOf(preset),
                Steps = settings.Steps > 0 ? settings.Steps : preset.Steps,
            };
            settings = settings with { FirstSteps = Math.Min(settings.FirstSteps > 0 ? settings.FirstSteps : Math.Max(1, settings.Steps / 10), settings.Steps) };
            settings.Check();
        }
        catch (PresetException error)
        {
            problems.Add($"--preset, --set, --search: {error.Message}");
        }

        return settings;
    }

    private static async Task<TuneRecord> RunAsync(TuneSettings settings, TuneRecord? found, Terminal terminal, Interruption interruption)
    {
        try
        {
            if (settings.Cluster.Coordinator is { } address)
            {
                using var remote = new CoordinatorClient(address, key: settings.Cluster.Key);
                using var there = new Tuner(settings, remote, terminal, interruption);
                return await there.RunAsync(found);
            }

            terminal.Line($"Starting a local cluster: Lighthouse, Coordinator, {settings.Cluster.Nodes} GPU {(settings.Cluster.Nodes == 1 ? "node" : "nodes")} ({string.Join(',', settings.Cluster.Devices)})");
            await using var cluster = await LocalCluster.StartAsync(settings.Cluster, settings.Folder, interruption.Stop);
            using var client = cluster.Connect(settings.Cluster.Key);
            using var here = new Tuner(settings, client, terminal, interruption);
            var search = here.RunAsync(found);
            return await Task.WhenAny(search, cluster.Broken) == search ? await search : throw await cluster.Broken;
        }
        catch (OperationCanceledException) when (interruption.Stop.IsCancellationRequested)
        {
            throw new InterruptedException("Interrupted; the same command goes on.");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new FailedException($"{settings.Folder}: the search cannot be written: {error.Message}");
        }
        catch (CheckpointException error)
        {
            throw new FailedException(error.Message);
        }
    }

    private static void Show(Terminal terminal, TuneSettings settings, TuneRecord record)
    {
        terminal.Line();
        foreach (var trial in record.Rungs[^1].Trials.OrderBy(trial => trial.Kid?.Value ?? double.PositiveInfinity))
            terminal.Line($"trial {trial.Trial,3}  {Tuner.Describe(trial)}");
        var verdict = record.Verdict!;
        terminal.Line();
        terminal.Line(verdict.Text);
        terminal.Line($"Judged again with other noise, other real images and another probe: KID {Tuner.Kid(verdict.Kid)}, unchanged {Tuner.Kid(verdict.UnchangedKid)}.");
        terminal.Line($"{Figures.Duration(record.Seconds)} in all. The preset to go on with: ./ganymede train --preset {record.Preset} --data {settings.Data}");
    }
}
