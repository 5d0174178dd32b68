using System.CommandLine;
using System.Globalization;
using System.Text.RegularExpressions;
using Spectre.Console;

namespace Ganymede.Cli;

/// <summary><c>ganymede bench allreduce</c>.</summary>
internal static partial class BenchAllReduceCommand
{
    private const long ProjectedBytes = 64 << 20;

    public static Command Create()
    {
        var members = OptionKinds.Wholes("--members", "N,…", "Processes that reduce; several numbers are measured one after the other.", 2, 16, "2");
        var megabytes = OptionKinds.Wholes("--megabytes", "MIB,…", "Sizes of the reduced buffer, in MiB of float32.", 1, 1024, "1,16,64");
        var kilobytes = OptionKinds.Wholes("--kilobytes", "KIB,…", "Small sizes, in KiB, measured too.", 1, 4096, "4");
        var rounds = OptionKinds.Whole("--rounds", "N", "Measured rounds of each, in turns of three.", 1, 1000, 15);
        var peer = OptionKinds.Text("--peer", "gloo|none", "What to run beside it: PyTorch's gloo with 1, 2 and 4 connections (needs a Python with torch), or none.", "gloo");
        var set = OptionKinds.Repeatable("--set", "key=value", "An option of our data plane: chunk=BYTES of a frame, connections=N to each peer, algorithm=auto, direct or doubling, wire=exact or wire=bfloat16.");
        var compare = OptionKinds.Text(
            "--compare", "KEY=V,V…", "Compare our own values of one --set option instead, such as algorithm=direct,doubling or connections=1,2,4: in turns, all members in one process. [default: ours and the peer]");
        var model = OptionKinds.Switch("--model", "Fit a cost model of the direct exchange to what was measured of it (with --members 2,3,4 unless given) and project it to clusters of up to 1,024 members.");
        var json = OptionKinds.Switch("--json", "Print one JSON object: results, peer, ceiling; each with members, bytes, medianSeconds, busGigabytesPerSecond.");
        var command = new Command("allreduce", "All-reduce over loopback between real processes, with gloo and the ceiling (a raw socket pump) in turns with it.")
        {
            members, megabytes, kilobytes, rounds, peer, set, compare, model, json,
        };
        command.SetAction(async (parsed, cancel) =>
        {
            var terminal = new Terminal(parsed.GetValue(json));
            string[] compared = parsed.GetValue(compare) is [_, ..] text ? Compared(text) : [];
            if (compared.Length > 0 && (parsed.GetValue(model) || parsed.Given(peer)))
                throw new BadInputException("--compare: stands alone, without --model and --peer.");
            var python = compared.Length > 0 ? null : parsed.GetValue(peer) switch
            {
                "gloo" => GlooPeer.FindPython("gloo"),
                "none" => null,
                var other => throw new BadInputException($"--peer {other}: gloo or none is expected."),
            };
            if (Array.Find(parsed.GetValue(set)!, setting => !Setting().IsMatch(setting)) is { } wrong)
                throw new BadInputException($"--set {wrong}: chunk=BYTES (a multiple of 64 up to 16777216), connections=N (1 to 16), algorithm=auto, direct or doubling, wire=exact or wire=bfloat16 is expected.");
            int[] sizes = [.. parsed.GetValue(kilobytes)!.Select(size => size << 10), .. parsed.GetValue(megabytes)!.Select(size => size << 20)];
            var rows = new List<AllReduceRow>();
            var counts = parsed.GetValue(model) && !parsed.Given(members) ? [2, 3, 4] : parsed.GetValue(members)!;
            if (parsed.GetValue(model) && sizes.Distinct().Count() < 2)
                throw new BadInputException("--model: at least two different sizes are needed.");
            foreach (var count in counts)
            {
                var measured = parsed.GetValue(rounds)!.Value;
                // The model is the direct exchange's.
                string[] settings = [.. parsed.GetValue(model) ? ["algorithm=direct"] : Array.Empty<string>(), .. parsed.GetValue(set)!];
                rows.AddRange(compared.Length > 0
                    ? await AllReduceBench.CompareAsync(count, sizes, measured, compared, settings, text => terminal.Line(text), cancel)
                    : await AllReduceBench.RunAsync(count, sizes, measured, python, settings, text => terminal.Line(text), cancel));
            }

            if (compared.Length > 0)
            {
                ShowCompared(terminal, rows, compared);
                return ExitCode.Done;
            }

            Show(terminal, rows, parsed.GetValue(model) ? Fit(rows) : null);
            return ExitCode.Done;
        });
        return command;
    }

    [GeneratedRegex("^(chunk=[1-9][0-9]{1,7}|connections=([1-9]|1[0-6])|algorithm=(auto|direct|doubling)|wire=(exact|bfloat16))$")]
    private static partial Regex Setting();

    /// <summary>key=V,V… as key=V for each.</summary>
    private static string[] Compared(string text)
    {
        var parts = text.Split('=', 2);
        string[] compared = parts is [var key, var values] ? [.. values.Split(',').Select(value => $"{key}={value}")] : [];
        return compared.Length >= 2 && compared.Distinct().Count() == compared.Length && Array.TrueForAll(compared, setting => Setting().IsMatch(setting))
            ? compared
            : throw new BadInputException($"--compare {text}: an option of --set with two or more values is expected, such as algorithm=direct,doubling.");
    }

    private static void ShowCompared(Terminal terminal, IReadOnlyList<AllReduceRow> rows, IReadOnlyList<string> compared)
    {
        terminal.Result(new
        {
            Results = rows.Select(row => new { Setting = row.Name, row.Members, row.Bytes, row.MedianSeconds, row.LeastSeconds, row.MostSeconds, row.BusGigabytesPerSecond }),
        });
        var table = new Table().Border(TableBorder.Simple).AddColumns(["members", "buffer", .. compared.Select(setting => $"{setting}, ms"), "last to first"]);
        foreach (var line in rows.GroupBy(row => (row.Members, row.Bytes)))
        {
            double[] seconds = [.. line.Select(row => row.MedianSeconds)];
            table.AddRow([$"{line.Key.Members}", Size(line.Key.Bytes), .. seconds.Select(time => Number(time * 1e3)), Number(seconds[^1] / seconds[0])]);
        }

        terminal.People.Write(table);
    }

    private static void Show(Terminal terminal, IReadOnlyList<AllReduceRow> rows, CostModel? model)
    {
        var results = rows.Where(IsOurs).Select(row => new
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
            Model = model is null ? null : new
            {
                AlphaSeconds = model.Alpha,
                BetaSecondsPerByte = model.Beta,
                GammaSecondsPerByte = model.Gamma,
                LargestError = rows.Where(IsOurs).Max(row => Math.Abs(Error(model, row))),
                Projection =
                    from gigabits in CostModel.ProjectedGigabits
                    from members in CostModel.ProjectedMembers
                    select new { Gigabits = gigabits, Members = members, Bytes = ProjectedBytes, Seconds = model.Project(members, ProjectedBytes, gigabits) },
            },
        });

        var table = new Table().Border(TableBorder.Simple).AddColumns("members", "buffer", "ms", "GB/s bus", "ceiling GB/s", "share of it", "best gloo ms", "GB/s bus", "times gloo");
        foreach (var row in results)
        {
            var ceiling = rows.First(other => other.Name == "ceiling" && other.Members == row.Members && other.Bytes == row.Bytes);
            var best = rows.Where(other => IsPeer(other) && other.Members == row.Members && other.Bytes == row.Bytes).MinBy(other => other.MedianSeconds);
            table.AddRow(
                $"{row.Members}", Size(row.Bytes), Number(row.MedianSeconds * 1e3), Number(row.BusGigabytesPerSecond),
                Number(ceiling.BusGigabytesPerSecond), row.ShareOfCeiling.ToString("0 %", CultureInfo.InvariantCulture),
                Number(best?.MedianSeconds * 1e3), Number(best?.BusGigabytesPerSecond), Number(row.TimesPeer));
        }

        terminal.People.Write(table);
        if (model is not null)
            ShowModel(terminal, model, rows);
    }

    private static void ShowModel(Terminal terminal, CostModel model, IReadOnlyList<AllReduceRow> rows)
    {
        terminal.Line(string.Create(CultureInfo.InvariantCulture,
            $"T = 2(N-1) alpha + 2(N-1)/N bytes (beta + gamma/2), times N/{Environment.ProcessorCount}, rounded up, where all share {Environment.ProcessorCount} cores"));
        terminal.Line(string.Create(CultureInfo.InvariantCulture,
            $"alpha {model.Alpha * 1e6:0.0} us a message, beta {model.Beta * 1e9:0.000} ns a byte moved, gamma {model.Gamma * 1e9:0.000} ns a byte added"));
        var errors = new Table().Border(TableBorder.Simple).AddColumns("members", "buffer", "measured ms", "predicted ms", "error");
        foreach (var row in rows.Where(IsOurs))
        {
            errors.AddRow($"{row.Members}", Size(row.Bytes), Number(row.MedianSeconds * 1e3),
                Number(model.Predict(row.Members, row.Bytes, Environment.ProcessorCount) * 1e3), Error(model, row).ToString("+0 %;-0 %", CultureInfo.InvariantCulture));
        }

        terminal.People.Write(errors);
        terminal.Line($"Projected seconds for {Size(ProjectedBytes)}, each member on a machine of its own, by the speed of its link:");
        var table = new Table().Border(TableBorder.Simple).AddColumns([.. CostModel.ProjectedGigabits.Select(gigabits => $"{gigabits} Gbit/s").Prepend("members")]);
        foreach (var members in CostModel.ProjectedMembers)
            table.AddRow([.. CostModel.ProjectedGigabits.Select(gigabits => Number(model.Project(members, ProjectedBytes, gigabits))).Prepend($"{members}")]);
        terminal.People.Write(table);
    }

    private static CostModel Fit(IEnumerable<AllReduceRow> rows) =>
        CostModel.Fit(rows.Where(IsOurs).Select(row => (row.Members, row.Bytes, row.MedianSeconds)), Environment.ProcessorCount, CostModel.MeasureGamma());

    private static double Error(CostModel model, AllReduceRow row) => model.Predict(row.Members, row.Bytes, Environment.ProcessorCount) / row.MedianSeconds - 1;

    private static string Size(long bytes) => bytes < 1 << 20 ? $"{bytes >> 10} KiB" : $"{bytes >> 20} MiB";

    private static bool IsOurs(AllReduceRow row) => row.Name == "ganymede";

    private static bool IsPeer(AllReduceRow row) => row.Name.StartsWith("gloo", StringComparison.Ordinal);

    private static bool Same(AllReduceRow one, AllReduceRow other) => (one.Members, one.Bytes) == (other.Members, other.Bytes);

    private static AllReduceRow? BestPeer(IReadOnlyList<AllReduceRow> rows, AllReduceRow own) =>
        rows.Where(row => IsPeer(row) && Same(row, own)).MinBy(row => row.MedianSeconds);

    private static string Number(double? value) => value?.ToString("0.000", CultureInfo.InvariantCulture) ?? "";
}
