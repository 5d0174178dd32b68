using System.CommandLine;
using System.Globalization;
using Ganymede.Commands;

namespace Ganymede.Cli;

/// <summary><c>ganymede status</c>: what a local cluster that stays is doing.</summary>
internal static class StatusCommand
{
    public static Command Create()
    {
        var folder = UpCommand.FolderOption();
        var json = OptionKinds.Switch("--json", "Print it as one JSON object on standard output; everything else goes to standard error.");
        var command = new Command("status", "Tells which programs of the cluster that 'up' started are alive, its nodes and runs. Exit code 0: all are alive, 1: some are not, 3: none is up.") { folder, json };
        command.SetAction((parsed, cancel) => RunAsync(new ClusterFolder(parsed.GetValue(folder) ?? ClusterFolder.Default), new Terminal(parsed.GetValue(json)), cancel));
        return command;
    }

    private static async Task<int> RunAsync(ClusterFolder folder, Terminal terminal, CancellationToken cancel)
    {
        var coordinator = folder.Coordinator;
        var keeper = folder.Keeper!;
        var programs = folder.Entries.Select(entry => (Entry: entry, IsAlive: OwnProcess.IsAlive(entry.Pid, entry.StartTicks))).ToArray();
        terminal.Line(string.Create(CultureInfo.InvariantCulture, $"Cluster in {folder.Path}, up since {keeper.Since:yyyy-MM-dd HH:mm:ss}Z (process {keeper.Pid})"));
        foreach (var (entry, isAlive) in programs)
            terminal.Line($"  {entry.Name,-12} {(isAlive ? "alive" : "DEAD "),-6} pid {entry.Pid,-8} pbm {entry.Pbm,-16} {entry.Http}");

        var (nodes, runs) = (await AskAsync(coordinator, ["node", "list"], cancel), await AskAsync(coordinator, ["run", "list"], cancel));
        foreach (var line in nodes.Concat(runs))
            terminal.Line(line);
        terminal.Result(new
        {
            folder = folder.Path,
            since = keeper.Since,
            keeper = keeper.Pid,
            programs = programs.Select(program => new { program.Entry.Name, program.Entry.Role, program.Entry.Pid, alive = program.IsAlive, program.Entry.Akka, program.Entry.Data, program.Entry.Http, program.Entry.Pbm }),
            nodes,
            runs,
        });
        return programs.All(program => program.IsAlive) ? ExitCode.Done : ExitCode.Failed;
    }

    private static async Task<List<string>> AskAsync(LocalCluster.ClusterEntry coordinator, string[] words, CancellationToken cancel)
    {
        List<string> lines = [];
        try
        {
            var target = PbmTarget.TryParse(coordinator.Pbm ?? "") ?? throw new PbmNoConnectionException("The Coordinator takes no commands.");
            await using var client = await PbmClient.ConnectAsync(target.Host, target.Port, cancel);
            await foreach (var line in client.RunAsync(words, cancel))
                lines.Add(line);
        }
        catch (Exception error) when (error is PbmException or PbmNoConnectionException)
        {
            lines.Add($"{string.Join(' ', words)}: {error.Message}");
        }

        return lines;
    }
}
