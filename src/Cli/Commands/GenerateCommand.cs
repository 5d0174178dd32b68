using System.CommandLine;

namespace Ganymede.Cli;

/// <summary><c>ganymede generate</c>: labelled images from a trained run.</summary>
internal static class GenerateCommand
{
    public static Command Create()
    {
        var run = OptionKinds.Text("--run", "folder", "Folder of a trained run; its newest checkpoint draws.");
        run.Required = true;
        var count = OptionKinds.Whole<long>("--count", "images", "Images to draw, over all classes.", 1, 1_000_000_000);
        count.Required = true;
        var classes = OptionKinds.Repeatable("--class", "name", "Draw this class only. [default: all, in turn]");
        var seed = OptionKinds.Whole<ulong>("--seed", "number", "Fixes the images: image i depends on it, i and the checkpoint alone.", 0, ulong.MaxValue, TrainCommand.DefaultSeed);
        var to = OptionKinds.Text("--to", "folder", "Where images and metadata.jsonl go. [default: images in the run's folder]");
        var unit = OptionKinds.Whole("--unit", "images", "Images a work unit, which is also the batch that draws them. Part of what fixes the bits.", 1, 4096, (int?)50);
        var json = OptionKinds.Switch("--json", "Print the result as one JSON object on standard output; everything else goes to standard error.");
        var cluster = new ClusterFlags();

        var command = new Command("generate", "Draws labelled images from a trained run: <class>/<index>.png and metadata.jsonl.")
        {
            run, count, classes, seed, to, unit, json,
        };
        cluster.AddTo(command);
        command.SetAction(async (parsed, _) =>
        {
            List<string> problems = [];
            var terminal = new Terminal(parsed.GetValue(json));
            var settings = new GenerateSettings(
                parsed.GetValue(run)!, parsed.GetValue(count)!.Value, parsed.GetValue(classes)!, parsed.GetValue(seed)!.Value,
                parsed.GetValue(to), parsed.GetValue(unit)!.Value, cluster.Read(parsed, problems));
            var request = GeneratePlan.Make(settings, problems, Environment.CurrentDirectory);

            using var interruption = new Interruption(terminal.Line);
            await using var session = await Session.OpenAsync(settings.Cluster, request.RunFolder, terminal, interruption);
            var result = await session.GenerateAsync(request);
            terminal.Result(result);
            Summary.OfGeneration(terminal, result);
            return ExitCode.Done;
        });
        return command;
    }
}
