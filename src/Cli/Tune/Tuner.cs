using System.Diagnostics;
using System.Globalization;
using Ganymede.Datasets;
using Ganymede.Messages;
using Ganymede.Messages.Api;
using Ganymede.Training;
using Ganymede.Training.Metrics;

namespace Ganymede.Cli;

/// <summary>
/// Searches a better preset: trials train as independent runs, each on a node of its own and as many at a time as there are nodes, are judged alike, and the
/// best part of them trains on from its checkpoint.
/// </summary>
internal sealed class Tuner(TuneSettings settings, CoordinatorClient client, Terminal terminal, Interruption interruption) : IDisposable
{
    /// <summary>A node that has just ended a trial becomes free a moment later.</summary>
    private static readonly TimeSpan _freeDeadline = TimeSpan.FromSeconds(60);

    private static readonly TimeSpan _look = TimeSpan.FromMilliseconds(100);

    /// <summary>After Ctrl-C: for the steps in hand and their checkpoints.</summary>
    private static readonly TimeSpan _stopDeadline = TimeSpan.FromSeconds(30);

    /// <summary>One trial is submitted at a time: which nodes are free is then known.</summary>
    private readonly SemaphoreSlim _submitting = new(1);

    private Evaluator? _evaluator;

    public void Dispose()
    {
        _submitting.Dispose();
        _evaluator?.Dispose();
    }

    /// <param name="found">Where an earlier call has got to; null for none.</param>
    /// <exception cref="InterruptedException">What is finished is written; the same search goes on from there.</exception>
    public async Task<TuneRecord> RunAsync(TuneRecord? found)
    {
        var begun = Stopwatch.GetTimestamp();
        var record = found ?? new TuneRecord(settings.Search, 0, Complete: false, [], null, null);
        var before = record.Seconds;
        var slots = await SlotsAsync();
        var sizes = Halving.Sizes(settings.Trials, settings.Factor);
        for (var rung = record.Rungs.Count; rung < sizes.Count && (rung == 0 || record.Rungs[^1].Steps < settings.Steps); rung++)
        {
            var last = record.Rungs.Count > 0 ? record.Rungs[^1] : null;
            var trials = last is null ? [.. Enumerable.Range(0, settings.Trials + 1)] : Halving.Promote(last.Trials, sizes[rung]);
            var steps = last is null ? settings.FirstSteps : NextSteps(record, trials.Count, slots, sizes.Count - rung);
            if (steps is not { } goal)
            {
                terminal.Line("The budget leaves no room for a longer comparison; the same command with a larger one goes on from here");
                return Finish(record, complete: false);
            }

            terminal.Line($"Rung {rung + 1} of {sizes.Count}: {trials.Count} trials up to step {Figures.Count(goal)}, {slots} at a time");
            record = record with { Rungs = [.. record.Rungs, await RungAsync(trials, goal, slots)], Seconds = before + Stopwatch.GetElapsedTime(begun).TotalSeconds };
            record.Write(settings.Folder);
        }

        return Finish(record, complete: true);

        TuneRecord Finish(TuneRecord record, bool complete)
        {
            var decided = Decide(record) with { Complete = complete, Seconds = before + Stopwatch.GetElapsedTime(begun).TotalSeconds };
            decided.Write(settings.Folder);
            return decided;
        }
    }

    private long? NextSteps(TuneRecord record, int trials, int slots, int rungs)
    {
        var last = record.Rungs[^1];
        var timed = last.Trials.Where(trial => trial.Steps > 0 && trial.Seconds > 0).ToArray();
        if (timed.Length == 0)
            return Math.Min(last.Steps * settings.Factor, settings.Steps);
        var secondsPerStep = timed.Average(trial => trial.Seconds / trial.Steps);
        var steps = Halving.NextSteps(last.Steps, settings.Budget - TimeSpan.FromSeconds(record.Seconds), rungs, trials, slots, secondsPerStep, _secondsToJudge);
        return steps is { } goal ? Math.Min(goal, settings.Steps) : null;
    }

    private double _secondsToJudge = 2;

    private async Task<TuneRung> RungAsync(IReadOnlyList<int> trials, long steps, int slots)
    {
        using var places = new SemaphoreSlim(slots);
        var trained = await Task.WhenAll(trials.Select(async trial =>
        {
            await places.WaitAsync(interruption.Stop);
            try
            {
                return await TrainAsync(trial, steps);
            }
            finally
            {
                places.Release();
            }
        }).ToArray()).ContinueWith(all => all.IsCompletedSuccessfully ? all.Result : throw Cause(all), TaskScheduler.Default);

        await Task.Run(() => _evaluator ??= CheckpointFolder.Newest(settings.FolderOf(Halving.Unchanged)).Found is { } any ? EvaluatorOf(any, settings.Seed) : null);
        var begun = Stopwatch.GetTimestamp();
        var judged = new List<JudgedTrial>();
        foreach (var trial in trained)
        {
            interruption.Stop.ThrowIfCancellationRequested();
            judged.Add(trial with { Kid = await Task.Run(() => Judge(trial)) });
            terminal.Line($"  trial {trial.Trial}: {Describe(judged[^1])}");
        }

        _secondsToJudge = Stopwatch.GetElapsedTime(begun).TotalSeconds / trained.Length;
        return new TuneRung(steps, judged);
    }

    /// <summary>The user's stop before the failures that it brings about.</summary>
    private Exception Cause(Task all) => interruption.Stop.IsCancellationRequested
        ? new InterruptedException("Interrupted; the same command goes on with the trials that are not finished.")
        : all.Exception?.InnerExceptions[0] ?? new InvalidOperationException("A trial ended without a result.");

    private async Task<JudgedTrial> TrainAsync(int trial, long steps)
    {
        var folder = settings.FolderOf(trial);
        var changes = settings.Changes(trial);
        var trained = Directory.Exists(folder) ? CheckpointFolder.Newest(folder).Found?.Info.Step ?? 0 : 0;
        if (trained >= steps)
            return new JudgedTrial(trial, changes, trained, null, null, 0, 0);
        if (trained == 0 && Directory.Exists(folder))
        {
            if (RunFolder.ReadRequest(folder) is not { Trial: true })
                throw new BadInputException($"--out {settings.Folder}: {folder} is not a trial of a search; take another folder.");
            Directory.Delete(folder, recursive: true); // cut off before its first checkpoint
        }

        var request = TrainPlan.Make(
            new TrainSettings
            {
                Data = settings.Data, Preset = settings.Preset, Set = [.. settings.Set, .. changes], Cluster = settings.Cluster with { Nodes = 1 }, Steps = steps,
                Seed = settings.Seed, Folder = folder, Resume = trained > 0, SampleEvery = 0, CheckpointEvery = 0, Given = ["--data", "--preset", "--set", "--seed"],
            },
            [], Environment.CurrentDirectory, DateTime.Now) with { Trial = true };
        var id = await SubmitAsync(request);
        var begun = Stopwatch.GetTimestamp();
        var (reached, problem) = await FollowAsync(id);
        return new JudgedTrial(trial, changes, reached, null, problem, Math.Max(0, reached - trained), Stopwatch.GetElapsedTime(begun).TotalSeconds);
    }

    private async Task<string> SubmitAsync(RunRequest request)
    {
        await _submitting.WaitAsync(interruption.Stop);
        try
        {
            var begun = Stopwatch.GetTimestamp();
            while (!(await client.NodesAsync(interruption.Stop)).Any(node => node.Run is null && node.DrainedBy is null))
            {
                if (Stopwatch.GetElapsedTime(begun) > _freeDeadline)
                    throw new FailedException($"{client.Address}: no node has become free for a trial within {_freeDeadline.TotalSeconds:0} s.");
                await Task.Delay(_look, interruption.Stop);
            }

            RunFolder.WriteRequest(request);
            return await client.SubmitAsync(JobKind.Runs, request, interruption.Stop);
        }
        finally
        {
            _submitting.Release();
        }
    }

    /// <summary>To the run's end: the step it came to, and why not further.</summary>
    private async Task<(long Step, string? Problem)> FollowAsync(string id)
    {
        using var late = CancellationTokenSource.CreateLinkedTokenSource(interruption.Now);
        await using var stopping = interruption.Stop.Register(() =>
        {
            late.CancelAfter(_stopDeadline);
            _ = client.StopAsync(JobKind.Runs, id, late.Token).ContinueWith(static done => done.Exception, TaskScheduler.Default);
        });
        await foreach (var happened in client.FollowAsync(JobKind.Runs, id, late.Token))
        {
            if (happened.Kind == RunEventKind.Finished)
            {
                interruption.Stop.ThrowIfCancellationRequested();
                return (happened.Result!.Steps, happened.Result.Stopped ? happened.Text : null);
            }

            if (happened.Kind == RunEventKind.Failed)
                return happened.BadInput ? throw new BadInputException(happened.Text) : (0, happened.Text);
        }

        throw new FailedException($"{id}: its events ended without a result.");
    }

    private async Task<int> SlotsAsync()
    {
        var begun = Stopwatch.GetTimestamp();
        while (true)
        {
            var free = (await client.NodesAsync(interruption.Stop)).Count(node => node.DrainedBy is null && node.Run is null);
            if (free >= settings.Cluster.Nodes)
                return settings.Cluster.Nodes;
            if (Stopwatch.GetElapsedTime(begun) > _freeDeadline)
                return free > 0 ? free : throw new FailedException($"{client.Address}: no node is free for a trial.");
            await Task.Delay(_look, interruption.Stop);
        }
    }

    private Estimate? Judge(JudgedTrial trial)
    {
        if (_evaluator is null || CheckpointFolder.Newest(settings.FolderOf(trial.Trial)).Found is not { } checkpoint)
            return null;
        var kid = _evaluator.Glance(checkpoint, settings.Images).Quality.Kid;
        return double.IsFinite(kid.Value) ? kid : null;
    }

    private Evaluator EvaluatorOf(Checkpoint checkpoint, ulong seed)
    {
        var training = PackFile.Read(Path.Combine(settings.FolderOf(Halving.Unchanged), "data.pack"), checkpoint.Info.DataSha256);
        var heldOut = settings.HeldOut is { } source
            ? DataSource.Resolve(source, Environment.CurrentDirectory).Read(new PackSettings(checkpoint.Info.Preset.Size, checkpoint.Info.Preset.Channels, SkipUnreadable: false), interruption.Stop).Pack
            : null;
        return new Evaluator(
            training, heldOut, new EvaluationSettings(settings.Images, seed, settings.Threads, settings.Updates, ProbeCache.DefaultFolder), terminal.Line, interruption.Stop);
    }

    /// <summary>The best of the last rung, judged once more beside the unchanged preset, with all that judging draws drawn anew.</summary>
    private TuneRecord Decide(TuneRecord record)
    {
        var last = record.Rungs[^1];
        var best = last.Trials.Where(trial => trial.Kid is not null).OrderBy(trial => trial.Kid!.Value).ThenBy(trial => trial.Trial).FirstOrDefault()
            ?? throw new FailedException($"{settings.Folder}: not one trial could be judged: {last.Trials[0].Problem ?? "no checkpoint is there"}");
        Estimate own, unchanged;
        using (var again = EvaluatorOf(CheckpointOf(best), settings.Seed + 1))
            (own, unchanged) = (again.Glance(CheckpointOf(best), settings.Images).Quality.Kid, again.Glance(CheckpointOf(last.Trials[0]), settings.Images).Quality.Kid);

        var difference = unchanged.Value - own.Value;
        var error = Math.Sqrt((own.StandardError * own.StandardError) + (unchanged.StandardError * unchanged.StandardError));
        var isBetter = best.Trial != Halving.Unchanged && difference > 2 * error;
        var text = best.Trial == Halving.Unchanged ? $"No trial was better than {settings.Preset} as it is."
            : isBetter ? $"Trial {best.Trial} is better than {settings.Preset} as it is, by more than chance."
            : difference > 0 ? $"Trial {best.Trial} is ahead of {settings.Preset} as it is, but by no more than chance would have it (less than two standard errors)."
            : $"No trial was better than {settings.Preset} as it is: trial {best.Trial} was ahead when it was chosen, and is not when it is judged again.";
        var keeps = difference > 0 ? best : last.Trials[0];
        var preset = Preset.Load(settings.Preset, [.. settings.Set, .. keeps.Set]);
        if (keeps.Trial != Halving.Unchanged)
            preset = Preset.Load(settings.Preset, [.. settings.Set, .. keeps.Set, $"name={preset.Name}-tuned"]);
        var path = Path.Combine(settings.Folder, TuneRecord.PresetFile);
        AtomicFile.Write(path, preset.ToJson());
        return record with { Verdict = new TuneVerdict(best, own, unchanged, isBetter, text), Preset = path };
    }

    private Checkpoint CheckpointOf(JudgedTrial trial) =>
        CheckpointFolder.Newest(settings.FolderOf(trial.Trial)).Found ?? throw new FailedException($"{settings.FolderOf(trial.Trial)}: its checkpoint is gone.");

    internal static string Describe(JudgedTrial trial) => string.Create(CultureInfo.InvariantCulture,
        $"KID {Kid(trial.Kid)} at step {trial.Step:N0} ({(trial.Set.Count == 0 ? "the preset as it is" : string.Join(", ", trial.Set))}){(trial.Problem is { } problem ? $" {problem}" : "")}");

    internal static string Kid(Estimate? kid) => kid is null ? "unknown" : $"{EvaluationSummary.Short(kid.Value)} ± {EvaluationSummary.Short(kid.StandardError)}";
}
