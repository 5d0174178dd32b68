using System.CommandLine;
using Ganymede.Messages.Api;

namespace Ganymede.Cli;

/// <summary>The object that <c>demo --json</c> prints.</summary>
public sealed record DemoResult(RunResult Train, GenerationResult? Generate);

/// <summary><c>ganymede demo</c>: a local cluster trains on real images, then draws with what it learnt.</summary>
internal static class DemoCommand
{
    private const int Images = 1_000;

    public static Command Create()
    {
        var steps = OptionKinds.Whole<long>("--steps", "count", "Updates of both networks. [default: the preset's]", 1, 1_000_000_000);
        var seed = OptionKinds.Whole<ulong>("--seed", "number", "Fixes weights, noise and the order of samples.", 0, ulong.MaxValue, TrainCommand.DefaultSeed);
        var folder = OptionKinds.Text("--out", "folder", "The run's folder. [default: runs/cgan-32-<yyyyMMdd-HHmmss>]");
        var json = OptionKinds.Switch("--json", "Print {train, generate} as one JSON object on standard output; everything else goes to standard error.");
        var cluster = new ClusterFlags();

        var command = new Command("demo", "Trains cgan-32 on the embedded Fashion-MNIST subset with a local cluster, then draws 1,000 labelled images.")
        {
            steps, seed, folder, json,
        };
        cluster.AddTo(command, withCoordinator: false);
        command.SetAction(async (parsed, _) =>
        {
            List<string> problems = [];
            var terminal = new Terminal(parsed.GetValue(json));
            var settings = new TrainSettings
            {
                Data = "fashion-mnist", Preset = "cgan-32", Cluster = cluster.Read(parsed, problems),
                Steps = parsed.GetValue(steps), Seed = parsed.GetValue(seed)!.Value, Folder = parsed.GetValue(folder),
            };
            var train = TrainPlan.Make(settings, problems, Environment.CurrentDirectory, DateTime.Now);
            var generate = new GenerationRequest
            {
                RunFolder = train.Folder, Destination = Path.Combine(train.Folder, "images"), Count = Images, Seed = train.Seed, Nodes = train.Nodes,
            };

            using var interruption = new Interruption(terminal.Line);
            await using var session = await Session.OpenAsync(settings.Cluster, train.Folder, terminal, interruption);
            var trained = await session.TrainAsync(train);
            if (trained.Stopped)
            {
                terminal.Result(new DemoResult(trained, null));
                Summary.OfTraining(terminal, trained);
                return ExitCode.Interrupted;
            }

            var drawn = await session.GenerateAsync(generate);
            terminal.Result(new DemoResult(trained, drawn));
            Summary.OfDemo(terminal, trained, drawn);
            return ExitCode.Done;
        });
        return command;
    }
}
