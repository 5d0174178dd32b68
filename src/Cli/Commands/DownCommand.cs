using System.CommandLine;

namespace Ganymede.Cli;

/// <summary><c>ganymede down</c>: ends the cluster that <c>up</c> started.</summary>
internal static class DownCommand
{
    private const int Sigkill = 9, Sigterm = 15;

    /// <summary>For the keeper and all it keeps, and then for each program that is left.</summary>
    private static readonly TimeSpan _keeperDeadline = TimeSpan.FromSeconds(60), _programDeadline = TimeSpan.FromSeconds(8);

    public static Command Create()
    {
        var folder = UpCommand.FolderOption();
        var json = OptionKinds.Switch("--json", "Print what was ended as one JSON object on standard output; everything else goes to standard error.");
        var command = new Command("down", "Ends the cluster that 'up' started: nodes finish their step, a run leaves a checkpoint. Whoever does not end is ended. Nothing up is nothing to do.") { folder, json };
        command.SetAction((parsed, _) => RunAsync(new ClusterFolder(parsed.GetValue(folder) ?? ClusterFolder.Default), new Terminal(parsed.GetValue(json))));
        return command;
    }

    private static async Task<int> RunAsync(ClusterFolder folder, Terminal terminal)
    {
        var (keeper, entries) = (folder.Keeper, folder.Entries);
        var alive = entries.Where(entry => OwnProcess.IsAlive(entry.Pid, entry.StartTicks)).ToArray();
        List<string> forced = [];
        if (keeper is not null && OwnProcess.IsAlive(keeper.Pid, keeper.StartTicks))
        {
            terminal.Line($"Ending the cluster in {folder.Path} ({alive.Length} programs)");
            ChildProcess.Signal(keeper.Pid, Sigterm);
            if (!await OwnProcess.WaitAsync(keeper.Pid, keeper.StartTicks, _keeperDeadline))
            {
                forced.Add($"keeper (process {keeper.Pid})");
                ChildProcess.Signal(keeper.Pid, Sigkill);
            }
        }
        else if (alive.Length == 0)
        {
            terminal.Line($"No cluster is up in {folder.Path}.");
            if (keeper is not null)
                folder.Clear();
            terminal.Result(new { folder = folder.Path, ended = 0, forced });
            return ExitCode.Done;
        }

        // The programs end with whoever kept them; only one that hangs is left.
        foreach (var entry in alive.Where(entry => OwnProcess.IsAlive(entry.Pid, entry.StartTicks)))
        {
            if (await OwnProcess.WaitAsync(entry.Pid, entry.StartTicks, _programDeadline))
                continue;
            forced.Add($"{entry.Name} (process {entry.Pid})");
            if (OwnProcess.IsAlive(entry.Pid, entry.StartTicks))
                ChildProcess.Signal(entry.Pid, Sigkill);
            await OwnProcess.WaitAsync(entry.Pid, entry.StartTicks, _programDeadline);
        }

        if (!folder.IsUp)
            folder.Clear();
        terminal.Line(forced.Count == 0 ? "Down." : $"Down; had to be killed: {string.Join(", ", forced)}.");
        terminal.Result(new { folder = folder.Path, ended = alive.Length, forced });
        return ExitCode.Done;
    }
}
