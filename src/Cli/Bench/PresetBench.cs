using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using Ganymede.Messages;
using Ganymede.Messages.Api;

namespace Ganymede.Cli;

/// <param name="Steps">Of each run, if the budget allows.</param>
/// <param name="Folder">Where the runs go; one that has been trained and judged there alike is not made again.</param>
internal sealed record PresetBenchSettings(
    IReadOnlyList<string> Presets, IReadOnlyList<int> Seeds, string Data, string? HeldOut, long Steps, TimeSpan Budget, int Nodes, int Count, string Folder);

/// <summary>A run of a preset, trained and judged.</summary>
internal sealed record PresetRun(string Preset, int Seed, double StepsPerSecond, EvaluationDocument Evaluation);

/// <summary>Trains presets one after another, each with several seeds, for the same number of steps or the same time, and judges them alike.</summary>
internal static class PresetBench
{
    private const int Sigint = 2;

    /// <summary>After it was asked to stop, a run finishes its step and writes a checkpoint.</summary>
    private static readonly TimeSpan _patience = TimeSpan.FromMinutes(2);

    private static readonly TimeSpan _ownEnd = TimeSpan.FromSeconds(30);

    /// <summary>In the folder of a run whose time or steps are over: how it was trained.</summary>
    private const string TrainedFile = ".trained";

    /// <summary>Beside it: how it was judged, and the hash of what came of it. Figures that anybody else made there are not taken.</summary>
    private const string JudgedFile = ".judged";

    public static async Task<IReadOnlyList<PresetRun>> RunAsync(PresetBenchSettings settings, Action<string> say, CancellationToken cancel)
    {
        var runs = new List<PresetRun>();
        foreach (var seed in settings.Seeds) // all presets of a seed first: cut short, each has been tried
            foreach (var preset in settings.Presets)
                runs.Add(await OneAsync(settings, preset, seed, say, cancel));
        return runs;
    }

    /// <summary>A Markdown table: mean over the seeds, ± their standard deviation.</summary>
    public static IEnumerable<string> Table(IReadOnlyList<PresetRun> runs)
    {
        yield return "| preset | runs | steps | steps/s | FID (floor) | KID | coverage | diversity | CAS (real data) |";
        yield return "| --- | --- | --- | --- | --- | --- | --- | --- | --- |";
        foreach (var group in runs.GroupBy(run => run.Preset))
        {
            var results = group.Select(run => run.Evaluation.Result).ToArray();
            var scores = results.Select(result => result.AccuracyScore).OfType<Training.Metrics.AccuracyScore>().ToArray();
            yield return string.Create(CultureInfo.InvariantCulture,
                $"| `{group.Key}` | {results.Length} | {group.Min(run => run.Evaluation.Step):N0} | {group.Average(run => run.StepsPerSecond):0.0} | {Mean(results.Select(result => result.Fid.Value))} ({EvaluationSummary.Short(results.Average(result => result.Fid.Floor))}) | {Mean(results.Select(result => result.Kid.Value.Value))} | {Mean(results.Select(result => result.Manifold.Value.Coverage))} | {Mean(results.Select(result => result.Diversity.Value))} | {(scores.Length == 0 ? "no labels" : $"{100 * scores.Average(score => score.Generated):0.0} % ({100 * scores.Average(score => score.Real):0.0} %)")} |");
        }
    }

    private static string Mean(IEnumerable<double> values)
    {
        var known = values.ToArray();
        var mean = known.Average();
        return known.Length == 1
            ? EvaluationSummary.Short(mean)
            : $"{EvaluationSummary.Short(mean)} ± {EvaluationSummary.Short(Math.Sqrt(known.Sum(value => (value - mean) * (value - mean)) / (known.Length - 1)))}";
    }

    private static async Task<PresetRun> OneAsync(PresetBenchSettings settings, string preset, int seed, Action<string> say, CancellationToken cancel)
    {
        var folder = Path.Combine(settings.Folder, string.Create(CultureInfo.InvariantCulture, $"{preset}-seed-{seed}"));
        var (figures, trained, judged) = (Path.Combine(folder, RunEvaluation.JsonFile), Path.Combine(folder, TrainedFile), Path.Combine(folder, JudgedFile));
        string[] training = ["--data", settings.Data, "--preset", preset, "--seed", Text(seed), "--steps", Text(settings.Steps), "--nodes", Text(settings.Nodes)];
        string[] judging = ["--count", Text(settings.Count), .. settings.HeldOut is { } heldOut ? new[] { "--data", heldOut } : []];
        var howTrained = string.Create(CultureInfo.InvariantCulture, $"{string.Join(' ', training)}, {settings.Budget.TotalMinutes:0.##} minutes");
        if (!File.Exists(trained))
        {
            // One that was cut off begins anew: its time would be another.
            if (RunFolder.ReadRequest(folder) is { } cutOff && cutOff.PresetName == preset && cutOff.Seed == (ulong)seed)
                Directory.Delete(folder, recursive: true);
            say($"{preset}, seed {seed}: training up to {settings.Steps:N0} steps or {settings.Budget.TotalMinutes:0.#} minutes");
            await CommandAsync(["train", "--out", folder, .. training], settings.Budget, say, cancel);
            await File.WriteAllTextAsync(trained, howTrained, cancel);
        }
        else if (await File.ReadAllTextAsync(trained, cancel) is var before && before != howTrained)
        {
            throw new FailedException($"{folder} was trained otherwise ('{before}', now asked: '{howTrained}'); give another --out, or remove it.");
        }

        string HowJudged() => $"{string.Join(' ', judging)}\n{Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(figures)))}";
        if (!File.Exists(figures) || !File.Exists(judged) || await File.ReadAllTextAsync(judged, cancel) != HowJudged())
        {
            say($"{preset}, seed {seed}: judging");
            await CommandAsync(["evaluate", "--run", folder, .. judging], null, say, cancel);
            await File.WriteAllTextAsync(judged, HowJudged(), cancel);
        }

        try
        {
            var document = JsonSerializer.Deserialize<EvaluationDocument>(await File.ReadAllTextAsync(figures, cancel), ApiJson.Options)
                ?? throw new JsonException("it is empty");
            var run = new PresetRun(preset, seed, StepsPerSecond(folder), document);
            say(string.Create(CultureInfo.InvariantCulture, $"{preset}, seed {seed}: step {document.Step:N0}, FID {EvaluationSummary.Short(document.Result.Fid.Value)}"));
            return run;
        }
        catch (JsonException error)
        {
            throw new FailedException($"{figures}: not an evaluation of this version ({error.Message}); remove it and try again.");
        }
    }

    /// <summary>Runs this very command line; what it says goes on.</summary>
    /// <param name="budget">After so long it is asked to stop.</param>
    private static async Task CommandAsync(IReadOnlyList<string> arguments, TimeSpan? budget, Action<string> say, CancellationToken cancel)
    {
        var start = new ProcessStartInfo(Programs.DotNet, [typeof(Shell).Assembly.Location, .. arguments, "--json"]) { RedirectStandardOutput = true, RedirectStandardError = true };
        using var process = Process.Start(start) ?? throw new FailedException($"{Programs.DotNet} could not be started.");
        var last = "";
        process.ErrorDataReceived += (_, line) =>
        {
            if (!string.IsNullOrWhiteSpace(line.Data))
                say("  " + (last = line.Data));
        };
        process.BeginErrorReadLine();
        var output = process.StandardOutput.ReadToEndAsync(CancellationToken.None);
        try
        {
            using var timeIsUp = CancellationTokenSource.CreateLinkedTokenSource(cancel);
            timeIsUp.CancelAfter(budget ?? Timeout.InfiniteTimeSpan);
            await process.WaitForExitAsync(timeIsUp.Token);
        }
        catch (OperationCanceledException)
        {
            // Ctrl-C reaches it without us, and a second one would cost it the checkpoint; a signal to this process alone does not.
            if (cancel.IsCancellationRequested)
                await process.WaitForExitAsync(CancellationToken.None).WaitAsync(_ownEnd, CancellationToken.None).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (!process.HasExited)
                ChildProcess.Signal(process.Id, Sigint);
            await process.WaitForExitAsync(CancellationToken.None).WaitAsync(_patience, CancellationToken.None);
        }

        await output;
        cancel.ThrowIfCancellationRequested();
        if (process.ExitCode is not (ExitCode.Done or ExitCode.Interrupted) || (budget is null && process.ExitCode != ExitCode.Done))
            throw new FailedException($"'ganymede {string.Join(' ', arguments)}' ended with {process.ExitCode}: {last}");
    }

    /// <summary>From the first line of the run's metrics to the last.</summary>
    private static double StepsPerSecond(string folder)
    {
        var lines = File.ReadLines(Path.Combine(folder, "metrics.jsonl")).Select(Moment).ToArray();
        return lines.Length < 2 ? double.NaN : (lines[^1].Step - lines[0].Step) / (lines[^1].Time - lines[0].Time).TotalSeconds;

        static (long Step, DateTimeOffset Time) Moment(string line)
        {
            using var json = JsonDocument.Parse(line);
            return (json.RootElement.GetProperty("step").GetInt64(), json.RootElement.GetProperty("time").GetDateTimeOffset());
        }
    }

    private static string Text(long value) => value.ToString(CultureInfo.InvariantCulture);
}
