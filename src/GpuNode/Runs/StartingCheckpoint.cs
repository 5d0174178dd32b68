using Ganymede.Datasets;
using Ganymede.Messages;
using Ganymede.Training;

namespace Ganymede.GpuNode.Runs;

/// <summary>The newest checkpoint of a run's folder that is whole and belongs to the run.</summary>
internal static class StartingCheckpoint
{
    /// <param name="passedOver">Which newer ones cannot be used, and why; null if there are none.</param>
    /// <returns>Null where none is needed and there is none.</returns>
    /// <exception cref="CheckpointException">None is valid, or it is of another preset, seed or data.</exception>
    public static Checkpoint? Load(PrepareRun prepare, ImagePack pack, ILogger log, out string? passedOver)
    {
        var found = CheckpointFolder.Newest(prepare.Plan.Folder);
        foreach (var skipped in found.Skipped)
            log.SkippedCheckpoint(skipped.Folder, skipped.Reason);
        passedOver = found.Skipped.Count > 0 ? string.Join("; ", found.Skipped.Select(skipped => skipped.Reason)) : null;
        if (found.Found is null && prepare.Start == StartingState.CheckpointIfAny)
            return null;
        var checkpoint = found.Found
            ?? throw new CheckpointException($"--resume: no valid checkpoint in {prepare.Plan.Folder}" + string.Concat(found.Skipped.Select(skipped => $"; {skipped.Reason}")));

        var info = checkpoint.Info;
        if (info.DataSha256 != prepare.Pack.Sha256)
            throw new CheckpointException($"--resume: the checkpoint was trained on other data than --data gives now ({info.Classes.Count} classes then, {pack.Classes.Count} now).");
        if (info.Preset.ToJson() != prepare.Plan.Preset || info.Seed != prepare.Plan.Seed)
            throw new CheckpointException($"--resume: {checkpoint.Folder} belongs to another preset or seed.");
        return checkpoint;
    }
}
