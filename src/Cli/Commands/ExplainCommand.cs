using System.CommandLine;
using Ganymede.Commands;

namespace Ganymede.Cli;

/// <summary><c>ganymede explain</c>: what happened in a run, who was late and why.</summary>
internal static class ExplainCommand
{
    public static Command Create()
    {
        var run = OptionKinds.Text("--run", "folder", "The run's folder, of a run that goes on or is over.");
        var json = OptionKinds.Switch("--json", "Print one JSON object with the lines on standard output; everything else goes to standard error.");
        var command = new Command("explain", "Tells what happened in a run: who died, stopped, joined or left, how long that took, and who was late.") { run, json };
        command.SetAction(parsed =>
        {
            var folder = parsed.GetValue(run) ?? throw new BadInputException("--run: which run? Name its folder.");
            string[] lines;
            try
            {
                lines = [.. RunStory.Tell(Path.GetFullPath(folder))];
            }
            catch (FileNotFoundException error)
            {
                throw new BadInputException($"--run {error.Message}");
            }

            var terminal = new Terminal(parsed.GetValue(json));
            terminal.Result(new { folder = Path.GetFullPath(folder), lines });
            foreach (var line in lines)
                terminal.Line(line);
            return ExitCode.Done;
        });
        return command;
    }
}
