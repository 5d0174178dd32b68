using System.CommandLine;
using Spectre.Console;

namespace Ganymede.Cli;

/// <summary><c>ganymede doctor</c>: whether this machine can train, and if not, what helps.</summary>
internal static class DoctorCommand
{
    public static Command Create()
    {
        var folder = OptionKinds.Text("--out", "folder", "Where runs would go.", "runs");
        var json = OptionKinds.Switch("--json", "Print the findings as one JSON object on standard output.");
        var command = new Command("doctor", "Checks SDK, native library, cores, memory, devices, ports, disk and data, each with its cure. Exit code 1 if something needed is missing.")
        {
            folder, json,
        };
        command.SetAction(parsed =>
        {
            var terminal = new Terminal(parsed.GetValue(json));
            var findings = Examination.Of(Path.GetFullPath(parsed.GetValue(folder)!)).ToList();
            terminal.Result(new { Ok = findings.All(finding => finding.State != FindingState.Fail), Findings = findings });
            foreach (var finding in findings)
                Show(terminal, finding);
            return findings.Any(finding => finding.State == FindingState.Fail) ? ExitCode.Failed : ExitCode.Done;
        });
        return command;
    }

    private static void Show(Terminal terminal, Finding finding)
    {
        var (word, colour) = finding.State switch
        {
            FindingState.Ok => ("ok  ", "green"),
            FindingState.Warn => ("warn", "yellow"),
            FindingState.Fail => ("FAIL", "red"),
            _ => throw new ArgumentOutOfRangeException(nameof(finding)),
        };
        terminal.People.Markup($"[{colour}]{word}[/]  ");
        terminal.Line($"{finding.Check,-24} {finding.Text}");
        if (finding.Cure is not null)
            terminal.Line($"      {"",-24} cure: {finding.Cure}");
    }
}
