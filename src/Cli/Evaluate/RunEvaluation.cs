using System.Diagnostics;
using System.Text.Json;
using Ganymede.Datasets;
using Ganymede.Messages;
using Ganymede.Messages.Api;
using Ganymede.Training;
using Ganymede.Training.Metrics;

namespace Ganymede.Cli;

/// <summary><c>evaluation.json</c>: the figures and what they are of.</summary>
/// <param name="Data">What the run was trained on, as its request says.</param>
/// <param name="HeldOut">Where the real images beside it come from; null for a part of the same.</param>
internal sealed record EvaluationDocument(
    string Run, long Step, string Preset, string? Data, string? HeldOut, ulong Seed, int Threads, string WeightsSha256, EvaluationResult Result,
    double Seconds, string Json, string Report);

/// <summary>Makes an evaluation of a run's folder and writes it down there.</summary>
internal static class RunEvaluation
{
    public const string JsonFile = "evaluation.json", ReportFile = "evaluation.html", PlotFolder = "plots";

    /// <summary>Glances for the curves, at most; of more checkpoints some are left out.</summary>
    private const int MostGlances = 20;

    private static readonly JsonSerializerOptions _indented = new(ApiJson.Options) { WriteIndented = true };

    /// <param name="stop">The user wants it to end.</param>
    /// <exception cref="InterruptedException">Nothing was written.</exception>
    public static EvaluationDocument Make(EvaluationPlan plan, Terminal terminal, CancellationToken stop)
    {
        var begun = Stopwatch.GetTimestamp();
        try
        {
            var info = plan.Checkpoint.Info;
            var training = PackFile.Read(plan.Pack, info.DataSha256);
            terminal.Line($"{info.Preset.Name}, step {Figures.Count(info.Step)}, {Figures.Count(training.Count)} training images");
            var test = plan.Data?.Read(new PackSettings(info.Preset.Size, info.Preset.Channels, SkipUnreadable: false), stop).Pack;
            using var evaluator = new Evaluator(training, test, plan.Settings, terminal.Line, stop);
            var result = evaluator.Evaluate(plan.Checkpoint, Glances(plan, evaluator, terminal, stop), out var nearest);

            var document = new EvaluationDocument(
                plan.Folder, info.Step, info.Preset.Name, RunFolder.ReadRequest(plan.Folder)?.Data, plan.Data?.Name, plan.Settings.Seed, plan.Settings.Threads,
                info.WeightsSha256, result, Math.Round(Stopwatch.GetElapsedTime(begun).TotalSeconds, 1),
                Path.Combine(plan.Folder, JsonFile), Path.Combine(plan.Folder, ReportFile));
            terminal.Line("Writing the report");
            var curves = RunCurves.Of(plan.Folder, result.Checkpoints);
            var pictures = EvaluationPictures.Draw(plan.Checkpoint, training, nearest, plan.Settings);
            AtomicFile.Write(document.Report, EvaluationPage.Of(document, curves, pictures));
            Directory.CreateDirectory(Path.Combine(plan.Folder, PlotFolder));
            foreach (var chart in curves)
                AtomicFile.Write(Path.Combine(plan.Folder, PlotFolder, chart.FileName), chart.ToFile());
            AtomicFile.Write(document.Json, JsonSerializer.Serialize(document, _indented)); // last: who sees it finds the rest
            return document;
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            throw new InterruptedException("Interrupted; nothing was written.");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new FailedException($"{plan.Folder}: the evaluation cannot be written: {error.Message}");
        }
        catch (Exception error) when (error is NativeBackendException or CheckpointException)
        {
            throw new FailedException(error.Message);
        }
    }

    private static List<CheckpointFigures> Glances(EvaluationPlan plan, Evaluator evaluator, Terminal terminal, CancellationToken stop)
    {
        var steps = CheckpointFolder.Steps(plan.Folder).Where(step => step <= plan.Checkpoint.Info.Step).ToArray();
        var every = (steps.Length + MostGlances - 1) / MostGlances;
        var glances = new List<CheckpointFigures>();
        foreach (var step in steps.Where((_, i) => (steps.Length - 1 - i) % Math.Max(1, every) == 0))
        {
            stop.ThrowIfCancellationRequested();
            try
            {
                glances.Add(evaluator.Glance(step == plan.Checkpoint.Info.Step ? plan.Checkpoint : CheckpointFolder.Read(CheckpointFolder.FolderOf(plan.Folder, step))));
                terminal.Line($"Checkpoint of step {Figures.Count(step)}: FID {EvaluationSummary.Short(glances[^1].Quality.Fid)} ({Figures.Count(glances[^1].Images)} images)");
            }
            catch (CheckpointException error)
            {
                terminal.Line($"  left out: {error.Message}");
            }
        }

        return glances;
    }
}
