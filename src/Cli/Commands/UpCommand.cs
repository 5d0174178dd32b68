using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Ganymede.Messages;

namespace Ganymede.Cli;

/// <summary><c>ganymede up</c>: a local cluster that stays.</summary>
internal static class UpCommand
{
    private const string KeepSwitch = "--keep";

    /// <summary>Option of all commands about a cluster that stays.</summary>
    public static Option<string?> FolderOption() => OptionKinds.Text(
        "--folder", "folder", "The cluster's folder: state, logs, runs. [default: $XDG_STATE_HOME/ganymede/cluster or ~/.local/state/ganymede/cluster]");

    public static Command Create()
    {
        var folder = FolderOption();
        var json = OptionKinds.Switch("--json", "Print the programs as one JSON object on standard output; everything else goes to standard error.");
        var keep = new Option<bool>(KeepSwitch) { Hidden = true, Description = "Be the process that keeps the cluster." };
        var cluster = new ClusterFlags();
        var command = new Command("up", """
            Starts a local cluster that stays when the command is over, and returns when every member is up. Work on it with
            'train --cluster', 'generate --cluster' and 'pbm'; look at it with 'status' and 'logs'; end it with 'down'.
            """)
        {
            folder, json, keep,
        };
        cluster.AddTo(command, withCoordinator: false);
        command.SetAction(async (parsed, _) =>
        {
            List<string> problems = [];
            var wanted = cluster.Read(parsed, problems);
            var where = new ClusterFolder(parsed.GetValue(folder) ?? ClusterFolder.Default);
            if (wanted.Devices.FirstOrDefault(device => device.StartsWith("cuda", StringComparison.Ordinal)) is { } cuda && !Programs.HaveCuda())
                problems.Add($"--devices {cuda}: this build has the CPU libtorch; './ganymede --torch=cuda …' builds with the other.");
            if (RunFolder.WritableProblem(where.Path, "--folder") is { } problem)
                problems.Add(problem);
            if (problems.Count > 0)
                throw new BadInputException([.. problems]);
            return parsed.GetValue(keep) ? await Keeper.RunAsync(wanted, where) : await RunAsync(wanted, where, new Terminal(parsed.GetValue(json)));
        });
        return command;
    }

    /// <summary>Says so, and what to do.</summary>
    public static BadInputException IsUpAlready(ClusterFolder folder) => new(
        (folder.Keeper is { } keeper
            ? string.Create(CultureInfo.InvariantCulture, $"--folder {folder.Path}: a cluster of {keeper.Nodes} nodes is up there since {keeper.Since:yyyy-MM-dd HH:mm:ss}Z (process {keeper.Pid})")
            : $"--folder {folder.Path}: a cluster is being started there")
        + "; './ganymede down' ends it, another --folder is for another one.");

    private static async Task<int> RunAsync(ClusterFlags.Values wanted, ClusterFolder folder, Terminal terminal)
    {
        var held = folder.TryLock() ?? throw IsUpAlready(folder);
        await held.DisposeAsync(); // whoever keeps it locks it; two that start at once find out there

        terminal.Line($"Starting a local cluster: Lighthouse, Coordinator, {wanted.Nodes} GPU {(wanted.Nodes == 1 ? "node" : "nodes")} ({string.Join(',', wanted.Devices)})");
        using var interruption = new Interruption(_ => { });
        using var process = Process.Start(KeeperStart(wanted, folder)) ?? throw new FailedException($"{Programs.DotNet} could not be started.");
        process.StandardInput.Close();
        var errors = process.StandardError.ReadToEndAsync(CancellationToken.None);
        using var stopped = interruption.Stop.Register(() => ChildProcess.Signal(process.Id, 15));
        while (await process.StandardOutput.ReadLineAsync(CancellationToken.None) is { } line)
        {
            if (line != Keeper.UpLine)
            {
                terminal.Line(line);
                continue;
            }

            Report(folder, terminal);
            return ExitCode.Done;
        }

        await process.WaitForExitAsync(CancellationToken.None);
        if (interruption.Stop.IsCancellationRequested)
            throw new InterruptedException("Interrupted; nothing is up.");
        var lines = (await errors).Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.StartsWith("ganymede: ", StringComparison.Ordinal) ? line[10..] : line).ToArray();
        throw new CommandException(process.ExitCode is 0 ? ExitCode.Failed : process.ExitCode, lines.Length > 0 ? lines : [$"The cluster has not come up; its logs are in {folder.Logs}."]);
    }

    private static ProcessStartInfo KeeperStart(ClusterFlags.Values wanted, ClusterFolder folder)
    {
        var start = new ProcessStartInfo(Programs.DotNet,
        [
            typeof(UpCommand).Assembly.Location, "up", KeepSwitch, "--folder", folder.Path,
            "--nodes", wanted.Nodes.ToString(CultureInfo.InvariantCulture), "--threads", wanted.Threads.ToString(CultureInfo.InvariantCulture),
            "--devices", string.Join(',', wanted.Devices), "--overlap", wanted.Overlap ? "on" : "off", "--wire", wanted.Wire,
        ])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = folder.Path,
        };
        start.Environment.TryAdd("DOTNET_gcServer", "0");
        return start;
    }

    private static void Report(ClusterFolder folder, Terminal terminal)
    {
        var entries = folder.Entries;
        terminal.Result(new { folder = folder.Path, programs = entries });
        foreach (var entry in entries)
            terminal.Line($"  {entry.Name,-12} pid {entry.Pid,-8} pbm {entry.Pbm,-16} {entry.Http}");
        var pbm = folder.Coordinator.Pbm;
        terminal.Line($"Up in {folder.Path}. Commands: ./ganymede pbm{(pbm == "127.0.0.1:9110" ? "" : $" {pbm}")} help");
    }
}
