using System.CommandLine;
using System.Globalization;
using Spectre.Console;

namespace Ganymede.Cli;

/// <summary><c>ganymede bench allreduce</c>.</summary>
internal static class BenchAllReduceCommand
{
    public static Command Create()
    {
        var members = OptionKinds.Wholes("--members", "N,…", "Processes that reduce; several numbers are measured one after the other.", 2, 16, "2");
        var megabytes = OptionKinds.Wholes("--megabytes", "MIB,…", "Sizes of the reduced buffer, in MiB of float32.", 1, 1024, "1,16,64");
        var kilobytes = OptionKinds.Wholes("--kilobytes", "KIB,…", "Small sizes, in KiB, measured too.", 1, 4096, "4");
        var rounds = OptionKinds.Whole("--rounds", "N", "Measured rounds of each, in turns of three.", 1, 1000, 15);
        var peer = OptionKinds.Text("--peer", "gloo|none", "What to run beside it: PyTorch's gloo with 1, 2 and 4 connections (needs a Python with torch), or none.", "gloo");
        var set = OptionKinds.Repeatable("--set", "key=value", "An option of our data plane: chunk (bytes of a frame).");
        var json = OptionKinds.Switch("--json", "Print one JSON object: results, peer, ceiling; each with members, bytes, medianSeconds, busGigabytesPerSecond.");
        var command = new Command("allreduce", "All-reduce over loopback between real processes, with gloo and the ceiling (a raw socket pump) in turns with it.")
        {
            members, megabytes, kilobytes, rounds, peer, set, json,
        };
        command.SetAction(async (parsed, cancel) =>
        {
            var terminal = new Terminal(parsed.GetValue(json));
            var python = parsed.GetValue(peer) switch
            {
                "gloo" => GlooPeer.FindPython(),
                "none" => null,
                var other => throw new BadInputException($"--peer {other}: gloo or none is expected."),
            };
            int[] sizes = [.. parsed.GetValue(kilobytes)!.Select(size => size << 10), .. parsed.GetValue(megabytes)!.Select(size => size << 20)];
            var rows = new List<AllReduceRow>();
            foreach (var count in parsed.GetValue(members)!)
                rows.AddRange(await AllReduceBench.RunAsync(count, sizes, parsed.GetValue(rounds)!.Value, python, parsed.GetValue(set)!, text => terminal.Line(text), cancel));
            Show(terminal, rows);
            return ExitCode.Done;
        });
        return command;
    }

    private static void Show(Terminal terminal, IReadOnlyList<AllReduceRow> rows)
    {
        var results = rows.Where(row => row.Name == "ganymede").Select(row => new
        {
            row.Members,
            row.Bytes,
            row.MedianSeconds,
            row.LeastSeconds,
            row.MostSeconds,
            row.BusGigabytesPerSecond,
            TimesPeer = BestPeer(rows, row) is { } best ? best.MedianSeconds / row.MedianSeconds : (double?)null,
            ShareOfCeiling = rows.First(other => other.Name == "ceiling" && Same(other, row)).MedianSeconds / row.MedianSeconds,
        }).ToArray();
        terminal.Result(new
        {
            Results = results,
            Peer = rows.Where(IsPeer),
            Ceiling = rows.Where(row => row.Name == "ceiling"),
        });

        var table = new Table().Border(TableBorder.Simple).AddColumns("members", "buffer", "ms", "GB/s bus", "ceiling GB/s", "share of it", "best gloo ms", "GB/s bus", "times gloo");
        foreach (var row in results)
        {
            var ceiling = rows.First(other => other.Name == "ceiling" && other.Members == row.Members && other.Bytes == row.Bytes);
            var best = rows.Where(other => IsPeer(other) && other.Members == row.Members && other.Bytes == row.Bytes).MinBy(other => other.MedianSeconds);
            table.AddRow(
                $"{row.Members}", row.Bytes < 1 << 20 ? $"{row.Bytes >> 10} KiB" : $"{row.Bytes >> 20} MiB", Number(row.MedianSeconds * 1e3), Number(row.BusGigabytesPerSecond),
                Number(ceiling.BusGigabytesPerSecond), row.ShareOfCeiling.ToString("0 %", CultureInfo.InvariantCulture),
                Number(best?.MedianSeconds * 1e3), Number(best?.BusGigabytesPerSecond), Number(row.TimesPeer));
        }

        terminal.People.Write(table);
    }

    private static bool IsPeer(AllReduceRow row) => row.Name.StartsWith("gloo", StringComparison.Ordinal);

    private static bool Same(AllReduceRow one, AllReduceRow other) => (one.Members, one.Bytes) == (other.Members, other.Bytes);

    private static AllReduceRow? BestPeer(IReadOnlyList<AllReduceRow> rows, AllReduceRow own) =>
        rows.Where(row => IsPeer(row) && Same(row, own)).MinBy(row => row.MedianSeconds);

    private static string Number(double? value) => value?.ToString("0.000", CultureInfo.InvariantCulture) ?? "";
}
