using Ganymede.GpuNode;
using Ganymede.Messages;
using Ganymede.Training;

namespace Ganymede.Tests;

public sealed class PresetAnswersTests
{
    public static TheoryData<string> Names() => new(Preset.Names);

    [Theory]
    [MemberData(nameof(Names))]
    public void A_shipped_preset_comes_to_all_that_a_run_of_it_needs(string name)
    {
        var preset = Preset.Load(name, []);

        var answer = PresetAnswers.Resolve(new ResolvePreset(name, [], 0, 0));

        Assert.Null(answer.Problem);
        Assert.Equal(
            (preset.Name, preset.Size, preset.Channels, preset.Batch, preset.Shards, preset.Steps, preset.CriticSteps),
            (answer.Name, answer.Size, answer.Channels, answer.Batch, answer.Shards, answer.Steps, answer.CriticSteps));
        Assert.Equal(answer.CriticSteps, Preset.FromJson(answer.Json).CriticSteps); // what a session compares
    }

    [Fact]
    public void An_override_counts() =>
        Assert.Equal(4, PresetAnswers.Resolve(new ResolvePreset("wgan-32", ["criticSteps=4"], 0, 0)).CriticSteps);
}
