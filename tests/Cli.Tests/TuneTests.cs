using Ganymede.Cli;
using Ganymede.Training;
using Ganymede.Training.Metrics;

namespace Ganymede.Tests;

/// <summary>What a search tries, and who trains on.</summary>
public sealed class TuneTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(1, 3, new[] { 1 })]
    [InlineData(8, 3, new[] { 8, 3, 1 })]
    [InlineData(9, 3, new[] { 9, 3, 1 })]
    [InlineData(10, 2, new[] { 10, 5, 3, 2, 1 })]
    public void Each_rung_has_a_part_of_the_one_before_down_to_one(int trials, int factor, int[] expected) =>
        Assert.Equal(expected, Halving.Sizes(trials, factor));

    [Fact]
    public void The_best_train_on_beside_the_unchanged_one_and_what_could_not_be_judged_does_not()
    {
        JudgedTrial[] judged = [Trial(0, 9), Trial(1, 3), Trial(2, null), Trial(3, 1), Trial(4, 2), Trial(5, 2)];

        Assert.Equal([0, 3, 4], Halving.Promote(judged, 2));
        Assert.Equal([0, 1, 3, 4, 5], Halving.Promote(judged, 5));
    }

    [Fact]
    public void What_is_left_of_the_budget_goes_into_equal_parts_for_the_rungs_to_come()
    {
        // 600 s in two rungs: 300 s, of which four trials' judging takes 20; two turns of two trials at 0.1 s a step.
        Assert.Equal(100 + 1400, Halving.NextSteps(100, TimeSpan.FromSeconds(600), rungs: 2, trials: 4, slots: 2, secondsPerStep: 0.1, secondsToJudge: 5));
        Assert.Null(Halving.NextSteps(100, TimeSpan.FromSeconds(10), rungs: 2, trials: 4, slots: 2, secondsPerStep: 0.1, secondsToJudge: 1));
        Assert.Null(Halving.NextSteps(100, TimeSpan.FromSeconds(-5), rungs: 1, trials: 2, slots: 2, secondsPerStep: 0.1, secondsToJudge: 1));
    }

    [Fact]
    public void A_trial_is_a_function_of_seed_and_number_and_stays_within_its_bounds()
    {
        var settings = Settings(["regularizer.r1=0.01..10", "generator.width=64,128", "augment.translation=0..0.5"]);

        Assert.Empty(settings.Changes(0));
        var all = Enumerable.Range(1, 500).Select(settings.Changes).ToArray();
        Assert.Equal(all[6], settings.Changes(7));
        Assert.NotEqual(all[6], (settings with { Seed = 2 }).Changes(7));
        var rates = all.Select(changes => double.Parse(changes[0]["regularizer.r1=".Length..], System.Globalization.CultureInfo.InvariantCulture)).ToArray();
        Assert.All(rates, rate => Assert.InRange(rate, 0.01, 10));
        Assert.InRange(rates.Count(rate => rate < 0.316), 200, 300); // by factors: half of them below the geometric mean
        Assert.InRange(all.Count(changes => changes[1] == "generator.width=64"), 200, 300);
        Assert.All(all, changes => Preset.Load("cgan-32", changes)); // which checks them
    }

    [Fact]
    public void The_usual_dials_are_such_that_every_preset_takes_them()
    {
        foreach (var name in PresetNames)
            Settings([], name).Check();
    }

    [Fact]
    public void A_search_goes_on_in_its_own_folder_only()
    {
        var record = new TuneRecord("this", 3, Complete: false, [new TuneRung(10, [Trial(0, 1), Trial(1, null)])], null, null);
        record.Write(_folder.Path);

        Assert.Equal(10, TuneRecord.Read(_folder.Path, "this")!.Rungs[0].Steps);
        Assert.Null(TuneRecord.Read(_folder.Path, "this")!.Rungs[0].Trials[1].Kid);
        Assert.Contains("another search", Assert.Throws<BadInputException>(() => TuneRecord.Read(_folder.Path, "that")).Message, StringComparison.Ordinal);
        _folder.Write(TuneRecord.FileName, "{");
        Assert.Contains("cannot be read", Assert.Throws<BadInputException>(() => TuneRecord.Read(_folder.Path, "this")).Message, StringComparison.Ordinal);
    }

    private static string[] PresetNames => ["cgan-32", "article-64", "wgan-gp-32", "r3gan-32", "dcgan-32", "sngan-32"];

    private static JudgedTrial Trial(int number, double? kid) => new(number, [], 10, kid is { } value ? new Estimate(value, 0.1) : null, null, 10, 1);

    private TuneSettings Settings(string[] search, string preset = "cgan-32") => new(
        preset, [], "fashion-mnist", null, search.Length > 0 ? [.. search.Select(Dial.Parse)] : Dial.UsualOf(Preset.Load(preset, [])), 8, 3, 10, 100, TimeSpan.FromMinutes(1), 100, 10, 1, 1,
        _folder.Path, new ClusterFlags.Values(2, ["cpu"], 1, null));
}
