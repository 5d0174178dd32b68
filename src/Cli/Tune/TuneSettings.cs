using System.Globalization;
using Ganymede.Datasets;
using Ganymede.Training;

namespace Ganymede.Cli;

/// <summary>What is searched, for how long, with what.</summary>
/// <param name="Trials">Besides the preset as it is.</param>
/// <param name="FirstSteps">Of every trial, before the first are dropped.</param>
/// <param name="Steps">After which a trial is not trained on.</param>
/// <param name="HeldOut">Real images that nothing is trained on; null takes a part of the data for judging.</param>
/// <param name="Updates">Of the probe.</param>
internal sealed record TuneSettings(
    string Preset, IReadOnlyList<string> Set, string Data, string? HeldOut, IReadOnlyList<Dial> Dials, int Trials, int Factor, long FirstSteps, long Steps, TimeSpan Budget,
    int Images, int Updates, int Threads, ulong Seed, string Folder, ClusterFlags.Values Cluster)
{
    /// <summary>All that decides what is tried and how it is judged. The budget is not in it: a longer one goes on.</summary>
    public string Search => string.Create(CultureInfo.InvariantCulture,
        $"{string.Join(' ', [Preset, .. Set])} on {Data}, judged on {HeldOut ?? "a part of it"}: {string.Join(' ', Dials)}; {Trials} trials, factor {Factor}, {FirstSteps} to {Steps} steps, {Images} images, {Updates} updates, seed {Seed}");

    /// <summary>What a trial changes: a pure function of the seed and its number. Trial 0 changes nothing.</summary>
    public IReadOnlyList<string> Changes(int trial) => trial == Halving.Unchanged
        ? []
        : [.. Dials.Select((dial, index) => $"{dial.Key}={dial.Draw(new CounterRandom(Seed, (ulong)trial, (uint)index, RandomPurpose.Search))}")];

    public string FolderOf(int trial) => Path.Combine(Folder, "trials", trial.ToString("00", CultureInfo.InvariantCulture));

    /// <summary>A trial's dials must be such that the preset takes them.</summary>
    /// <exception cref="PresetException">It does not; names the key and what is allowed.</exception>
    public void Check()
    {
        foreach (var dial in Dials)
            foreach (var bound in dial.Bounds)
                Training.Preset.Load(Preset, [.. Set, $"{dial.Key}={bound}"]);
    }
}
