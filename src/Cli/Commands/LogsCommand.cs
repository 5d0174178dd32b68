using System.CommandLine;
using System.Text;

namespace Ganymede.Cli;

/// <summary><c>ganymede logs</c>: what the programs of a cluster that stays have printed.</summary>
internal static class LogsCommand
{
    private static readonly TimeSpan _lookPeriod = TimeSpan.FromMilliseconds(200);

    public static Command Create()
    {
        var folder = UpCommand.FolderOption();
        var program = new Argument<string?>("program") { Description = "lighthouse, coordinator, gpu-node-1, … or keeper; all of them when left out.", Arity = ArgumentArity.ZeroOrOne };
        var follow = new Option<bool>("--follow", "-f") { Description = "Go on with what is printed from now on, until Ctrl-C." };
        var lines = OptionKinds.Whole("--lines", "count", "Newest lines of each log to begin with.", 0, 1_000_000, (int?)20);
        lines.Aliases.Add("-n");
        var command = new Command("logs", "Prints the logs of the cluster that 'up' started, also when it is down.") { program, folder, follow, lines };
        command.SetAction((parsed, _) => RunAsync(
            new ClusterFolder(parsed.GetValue(folder) ?? ClusterFolder.Default), parsed.GetValue(program), parsed.GetValue(follow), parsed.GetValue(lines)!.Value));
        return command;
    }

    private static async Task<int> RunAsync(ClusterFolder folder, string? program, bool follow, int count)
    {
        var all = Directory.Exists(folder.Logs) ? Directory.GetFiles(folder.Logs, "*.log").Order(StringComparer.Ordinal).ToArray() : [];
        var chosen = all.Where(path => program is null || Path.GetFileNameWithoutExtension(path) == program).ToArray();
        if (chosen.Length == 0)
        {
            throw new BadInputException(all.Length == 0
                ? $"--folder {folder.Path}: no logs are there."
                : $"{program}: has no log; {string.Join(", ", all.Select(Path.GetFileNameWithoutExtension))} have.");
        }

        var width = chosen.Max(path => Path.GetFileNameWithoutExtension(path).Length);
        var readers = chosen.Select(path => new Tail(path, chosen.Length == 1 ? "" : Path.GetFileNameWithoutExtension(path).PadRight(width) + " | ")).ToArray();
        try
        {
            foreach (var reader in readers)
            {
                foreach (var line in reader.Read().TakeLast(count))
                    Console.WriteLine(reader.Prefix + line);
            }

            if (!follow)
                return ExitCode.Done;
            using var interruption = new Interruption(_ => { });
            while (!interruption.StopAsked.IsCompleted)
            {
                foreach (var reader in readers)
                {
                    foreach (var line in reader.Read())
                        Console.WriteLine(reader.Prefix + line);
                }

                await Task.WhenAny(interruption.StopAsked, Task.Delay(_lookPeriod));
            }

            return ExitCode.Done; // it was to go on until then
        }
        finally
        {
            foreach (var reader in readers)
                reader.Dispose();
        }
    }

    /// <summary>A file that somebody else appends to.</summary>
    private sealed class Tail(string path, string prefix) : IDisposable
    {
        private readonly FileStream _file = new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        private readonly List<byte> _begun = [];

        public string Prefix => prefix;

        /// <summary>Whole lines that are new.</summary>
        public IEnumerable<string> Read()
        {
            var buffer = new byte[64 << 10];
            while (_file.Read(buffer) is > 0 and var got)
            {
                foreach (var value in buffer[..got])
                {
                    if (value != '\n')
                    {
                        _begun.Add(value);
                        continue;
                    }

                    var line = Encoding.UTF8.GetString([.. _begun]);
                    _begun.Clear();
                    yield return line;
                }
            }
        }

        public void Dispose() => _file.Dispose();
    }
}
