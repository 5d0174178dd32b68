using System.CommandLine;
using System.Globalization;
using Ganymede.Training;
using Spectre.Console;

namespace Ganymede.Cli;

/// <summary><c>ganymede bench step</c>.</summary>
internal static class BenchStepCommand
{
    private const int MostMembers = 16;

    public static Command Create()
    {
        var preset = OptionKinds.Text("--preset", "name|file", "What is trained.", "article-64-adam");
        var set = OptionKinds.Repeatable("--set", "key=value", "Override a field of the preset.");
        var members = OptionKinds.Wholes("--members", "N,…", "Processes that train together, powers of two; each number is measured.", 1, MostMembers, "1,2");
        var batch = OptionKinds.Whole("--batch", "images", "Images a member and step.", 1, 65_536, 16);
        var threads = OptionKinds.Whole("--threads", "count", "Threads of each member.", 1, 256, 1);
        var steps = OptionKinds.Whole("--steps", "N", "Measured steps of each, in turns of three.", 3, 10_000, 15);
        var hosts = OptionKinds.Text("--hosts", "prefix", "Run member i in the network namespace PREFIXi at 10.77.0.1i, as bench/hosts.sh makes them (root); loopback without.", "");
        var peer = OptionKinds.Text("--peer", "ddp|none", "What to run beside it: PyTorch's DistributedDataParallel on gloo (article presets only; needs a Python with torch), or none.", "ddp");
        var json = OptionKinds.Switch("--json", "Print one JSON object: results, peer; each with members, medianSeconds, imagesPerSecond, exposedSeconds.");
        var command = new Command("step", "A training step of ours, of a plain TorchSharp loop and of PyTorch's DistributedDataParallel, in turns.")
        {
            preset, set, members, batch, threads, steps, hosts, peer, json,
        };
        command.SetAction(async (parsed, cancel) =>
        {
            var terminal = new Terminal(parsed.GetValue(json));
            var counts = parsed.GetValue(members)!;
            if (counts.FirstOrDefault(count => !int.IsPow2(count)) is > 0 and var odd)
                throw new BadInputException($"--members {odd}: a power of two is expected, as each member has one shard.");
            var loaded = Preset.Load(parsed.GetValue(preset)!, [.. parsed.GetValue(set)!, "shards=1", FormattableString.Invariant($"batch={parsed.GetValue(batch)}")]);
            var python = (parsed.GetValue(peer), loaded.Generator.Architecture) switch
            {
                ("none", _) => null,
                ("ddp", GeneratorArchitecture.Article) => GlooPeer.FindPython("ddp"),
                ("ddp", _) when !parsed.Given(peer) => null,
                ("ddp", _) => throw new BadInputException($"--peer ddp: the script has the article's networks only, not those of {loaded.Name}; '--peer none' runs without it."),
                (var other, _) => throw new BadInputException($"--peer {other}: ddp or none is expected."),
            };
            var prefix = parsed.GetValue(hosts)!;
            var settings = new StepBenchSettings(
                parsed.GetValue(preset)!, parsed.GetValue(set)!, counts, parsed.GetValue(batch)!.Value, parsed.GetValue(threads)!.Value, parsed.GetValue(steps)!.Value, python,
                prefix.Length == 0 ? [] : [.. Enumerable.Range(0, counts.Max()).Select(host => ($"10.77.0.{10 + host}", (IReadOnlyList<string>)["ip", "netns", "exec", $"{prefix}{host}"]))]);
            Show(terminal, await StepBench.RunAsync(settings, text => terminal.Line(text), cancel));
            return ExitCode.Done;
        });
        return command;
    }

    private static void Show(Terminal terminal, IReadOnlyList<StepRow> rows)
    {
        terminal.Result(new
        {
            Results = rows.Where(row => row.Name != "ddp").Select(row => new
            {
                row.Name, row.Members, row.BatchPerMember, row.MedianSeconds, row.LeastSeconds, row.MostSeconds, row.ImagesPerSecond, row.ExposedSeconds,
                TimesOne = TimesOne(rows, row), HiddenShare = Hidden(rows, row), TimesPlain = TimesPlain(rows, row),
            }),
            Peer = rows.Where(row => row.Name == "ddp").Select(row => new
            {
                row.Name, row.Members, row.BatchPerMember, row.MedianSeconds, row.LeastSeconds, row.MostSeconds, row.ImagesPerSecond, TimesOne = TimesOne(rows, row),
            }),
        });

        var table = new Table().Border(TableBorder.Simple).AddColumns("", "members", "images each", "ms a step", "least", "images/s", "T(N)/T(1)", "exposed ms", "hidden", "times plain");
        foreach (var row in rows)
        {
            table.AddRow(
                row.Name, $"{row.Members}", $"{row.BatchPerMember}", Number(row.MedianSeconds * 1e3, "0.0"), Number(row.LeastSeconds * 1e3, "0.0"), Number(row.ImagesPerSecond, "0.0"),
                Number(TimesOne(rows, row), "0.00"), Number(row.ExposedSeconds * 1e3, "0.0"), Number(Hidden(rows, row), "0 %"), Number(TimesPlain(rows, row), "0.00"));
        }

        terminal.People.Write(table);
    }

    /// <summary>T(N) / T(1) of the same contender.</summary>
    private static double? TimesOne(IReadOnlyList<StepRow> rows, StepRow row) =>
        rows.FirstOrDefault(other => other.Members == 1 && other.Name == row.Name.Split(',')[0]) is { } one ? row.MedianSeconds / one.MedianSeconds : null;

    /// <summary>What part of the exchange, as long as it is without overlap, no longer holds the step up.</summary>
    private static double? Hidden(IReadOnlyList<StepRow> rows, StepRow row) =>
        row.Name == "ganymede" && rows.FirstOrDefault(other => other.Members == row.Members && other.Name == "ganymede, overlap off") is { } plain
            ? 1 - row.ExposedSeconds / plain.ExposedSeconds
            : null;

    /// <summary>Images a second, as a multiple of the plain loop's.</summary>
    private static double? TimesPlain(IReadOnlyList<StepRow> rows, StepRow row) =>
        row.Name == "ganymede" && rows.FirstOrDefault(other => other.Name == "plain TorchSharp") is { } plain ? row.ImagesPerSecond / plain.ImagesPerSecond : null;

    private static string Number(double? value, string format) => value?.ToString(format, CultureInfo.InvariantCulture) ?? "";
}
