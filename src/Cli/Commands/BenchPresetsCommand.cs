using System.CommandLine;
using Ganymede.Datasets;
using Ganymede.Messages;
using Ganymede.Training;

namespace Ganymede.Cli;

/// <summary><c>ganymede bench presets</c>.</summary>
internal static class BenchPresetsCommand
{
    private const string TableFile = "table.md";

    public static Command Create()
    {
        var presets = OptionKinds.Text("--presets", "name,…", "Which presets, with commas between them.", "cgan-32");
        var data = OptionKinds.Text("--data", "data", "What they are trained on, as 'train --data' takes it.", "fashion-mnist-full");
        var heldOut = OptionKinds.Text("--held-out", "data", "What they are judged against, or 'part' for a part of the same.", "fashion-mnist-test");
        var steps = OptionKinds.Whole<long>("--steps", "N", "Steps of each run, if the time allows.", 1, long.MaxValue, 10_000);
        var minutes = OptionKinds.Number("--minutes", "minutes", "Time of each run.", 0.1, 100_000, 20);
        var seeds = OptionKinds.Wholes("--seeds", "N,…", "A run for each.", 0, int.MaxValue, "1,2,3");
        var nodes = OptionKinds.Whole("--nodes", "count", "GPU nodes of the local cluster.", 1, 1024, (int?)2);
        var count = OptionKinds.Whole("--count", "images", "Images drawn to judge a run.", 16, 1_000_000, (int?)5000);
        var folder = OptionKinds.Text("--out", "folder", "Where the runs and table.md go; the same command goes on where it was cut off.", "runs/presets");
        var json = OptionKinds.Switch("--json", "Print one JSON object: table, runs (preset, seed, stepsPerSecond, evaluation).");
        var command = new Command("presets", "Trains presets for the same number of steps or time, with several seeds, and judges them: a table of FID, KID, coverage, CAS, steps/s.")
        {
            presets, data, heldOut, steps, minutes, seeds, nodes, count, folder, json,
        };
        command.SetAction(async (parsed, _) =>
        {
            var terminal = new Terminal(parsed.GetValue(json));
            var names = parsed.GetValue(presets)!.Split(',', StringSplitOptions.TrimEntries);
            foreach (var name in names)
                Preset.Load(name, []);
            var current = Environment.CurrentDirectory;
            var judged = parsed.GetValue(heldOut) is not "part" and var other ? other : null;
            foreach (var source in new[] { parsed.GetValue(data)!, judged }.OfType<string>())
                DataSource.Resolve(source, current);
            var settings = new PresetBenchSettings(
                names, parsed.GetValue(seeds)!, parsed.GetValue(data)!, judged, parsed.GetValue(steps)!.Value, TimeSpan.FromMinutes(parsed.GetValue(minutes)),
                parsed.GetValue(nodes)!.Value, parsed.GetValue(count)!.Value, Path.GetFullPath(parsed.GetValue(folder)!, current));
            if (RunFolder.WritableProblem(settings.Folder, "--out") is { } problem)
                throw new BadInputException(problem);

            using var interruption = new Interruption(_ => terminal.Line("Stopping; the same command goes on."));
            try
            {
                var runs = await PresetBench.RunAsync(settings, terminal.Line, interruption.Stop);
                string[] table = [.. PresetBench.Table(runs)];
                AtomicFile.WriteLines(Path.Combine(settings.Folder, TableFile), table);
                terminal.Result(new { table, runs });
                foreach (var line in table)
                    terminal.Line(line);
                return ExitCode.Done;
            }
            catch (OperationCanceledException) when (interruption.Stop.IsCancellationRequested)
            {
                throw new InterruptedException("Interrupted; the same command goes on.");
            }
        });
        return command;
    }
}
