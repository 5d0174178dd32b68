using System.CommandLine;
using Ganymede.Training.Metrics;

namespace Ganymede.Cli;

/// <summary><c>ganymede evaluate</c>: how good a trained run's images are, in figures and as a page to look at.</summary>
internal static class EvaluateCommand
{
    public static Command Create()
    {
        var run = OptionKinds.Text("--run", "folder", "Folder of a trained run; evaluation.json and evaluation.html go there.");
        run.Required = true;
        var checkpoint = OptionKinds.Whole<long>("--checkpoint", "step", "Judge the checkpoint of this step. [default: the newest]", 0, long.MaxValue);
        var data = OptionKinds.Text(
            "--data", "data", "Real images that the run was not trained on, of the same classes, as 'train --data' takes them; also fashion-mnist-test. [default: half of the run's own, at most 10,000]");
        var count = OptionKinds.Whole("--count", "images", "Images to draw; distances take as many, or as half of the held-out ones allow.", EvaluationSettings.Least, 1_000_000, (int?)5000);
        var seed = OptionKinds.Whole<ulong>("--seed", "number", "Decides noise, splits and classifiers.", 0, ulong.MaxValue, TrainCommand.DefaultSeed);
        var updates = OptionKinds.Whole("--updates", "N", "Updates of the probe and of each classifier, 64 images each.", 1, 1_000_000, (int?)1000);
        var threads = OptionKinds.Whole("--threads", "count", "Threads for all of it.", 1, 256, (int?)Math.Min(2, Environment.ProcessorCount));
        var json = OptionKinds.Switch("--json", "Print what evaluation.json holds as one JSON object on standard output; everything else goes to standard error.");
        var command = new Command("evaluate", "Judges a run's images: FID, KID, precision, recall, density, coverage, memorisation, classification accuracy; writes an HTML report.")
        {
            run, checkpoint, data, count, seed, updates, threads, json,
        };
        command.SetAction(async (parsed, _) =>
        {
            var terminal = new Terminal(parsed.GetValue(json));
            var plan = EvaluationPlan.Make(
                parsed.GetValue(run)!, parsed.GetValue(checkpoint), parsed.GetValue(data),
                new EvaluationSettings(
                    parsed.GetValue(count)!.Value, parsed.GetValue(seed)!.Value, parsed.GetValue(threads)!.Value, parsed.GetValue(updates)!.Value, ProbeCache.DefaultFolder),
                Environment.CurrentDirectory);

            using var interruption = new Interruption(_ => terminal.Line("Stopping; nothing is written."));
            var document = await Task.Run(() => RunEvaluation.Make(plan, terminal, interruption.Stop), CancellationToken.None);
            terminal.Result(document);
            EvaluationSummary.Show(terminal, document);
            return ExitCode.Done;
        });
        return command;
    }
}
