using Ganymede.Messages;
using Ganymede.Training;

namespace Ganymede.GpuNode;

/// <summary>The Coordinator knows no networks; who starts a run by a preset's name has a node resolve it.</summary>
public static class PresetAnswers
{
    /// <summary>The preset with its overrides, or why there is none.</summary>
    public static PresetResolved Resolve(ResolvePreset question)
    {
        try
        {
            if (!Preset.Names.Contains(question.Preset) && !Path.IsPathFullyQualified(question.Preset))
                return Problem($"preset '{question.Preset}' is none of {string.Join(", ", Preset.Names)}, and no absolute path of a .json file");
            var preset = Preset.Load(question.Preset, question.Overrides);
            var sized = preset with
            {
                Batch = question.Batch > 0 ? question.Batch : preset.Batch,
                Shards = question.Shards > 0 ? question.Shards : preset.Shards,
            };
            // How long to train fixes no bits, so a run that is resumed for longer has the same preset.
            var json = (sized with { Steps = Preset.Load(question.Preset, []).Steps }).ToJson();
            Preset.FromJson(json); // checks the sizes as a whole
            return new PresetResolved(sized.Name, json, sized.Size, sized.Channels, sized.Batch, sized.Shards, sized.Steps, null) { CriticSteps = sized.CriticSteps };
        }
        catch (PresetException error)
        {
            return Problem(error.Message);
        }
    }

    private static PresetResolved Problem(string problem) => new("", "", 0, 0, 0, 0, 0, problem);
}
