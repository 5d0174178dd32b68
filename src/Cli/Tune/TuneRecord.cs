using System.Text.Json;
using Ganymede.Messages;
using Ganymede.Messages.Api;
using Ganymede.Training.Metrics;

namespace Ganymede.Cli;

/// <summary>A trial at the end of a rung.</summary>
/// <param name="Set">What it changes in the preset.</param>
/// <param name="Step">Steps it has been trained, all in all.</param>
/// <param name="Kid">Null if it could not be judged.</param>
/// <param name="Problem">Why it ended early; null if it did not.</param>
/// <param name="Seconds">They took, beside the others; 0 if all steps were there from a call that was cut off.</param>
/// <param name="Steps">Of these, those it was trained in this rung and this call.</param>
internal sealed record JudgedTrial(int Trial, IReadOnlyList<string> Set, long Step, Estimate? Kid, string? Problem, long Steps, double Seconds);

/// <param name="Steps">At which all of it were judged.</param>
internal sealed record TuneRung(long Steps, IReadOnlyList<JudgedTrial> Trials);

/// <summary>The best trial beside the unchanged preset, judged again with other noise, other real images and another probe: chosen as the best, the first figure flatters it.</summary>
internal sealed record TuneVerdict(JudgedTrial Best, Estimate Kid, Estimate UnchangedKid, bool IsBetter, string Text);

/// <summary><c>tune.json</c>: the search as far as it has come.</summary>
/// <param name="Search">All that decides what is tried; another search does not go on in this folder.</param>
/// <param name="Seconds">Used so far.</param>
/// <param name="Complete">There is nothing to go on with, whatever the budget.</param>
/// <param name="Verdict">On the newest rung; null while the first is not over.</param>
/// <param name="Preset">File of the preset to go on with.</param>
internal sealed record TuneRecord(string Search, double Seconds, bool Complete, IReadOnlyList<TuneRung> Rungs, TuneVerdict? Verdict, string? Preset)
{
    public const string FileName = "tune.json", PresetFile = "best.json";

    private static readonly JsonSerializerOptions _indented = new(ApiJson.Options) { WriteIndented = true };

    public void Write(string folder) => AtomicFile.Write(Path.Combine(folder, FileName), JsonSerializer.Serialize(this, _indented));

    /// <summary>Null where there is none.</summary>
    /// <exception cref="BadInputException">There is one of another search, or something else.</exception>
    public static TuneRecord? Read(string folder, string search)
    {
        var path = Path.Combine(folder, FileName);
        if (!File.Exists(path))
            return null;
        try
        {
            var record = JsonSerializer.Deserialize<TuneRecord>(File.ReadAllText(path), ApiJson.Options) ?? throw new JsonException("it is empty");
            return record.Search == search ? record : throw new BadInputException($"--out {folder}: another search was begun there ({record.Search}); take another folder for this one ({search}).");
        }
        catch (Exception error) when (error is JsonException or IOException or UnauthorizedAccessException)
        {
            throw new BadInputException($"--out {folder}: {FileName} cannot be read: {error.Message}");
        }
    }
}
