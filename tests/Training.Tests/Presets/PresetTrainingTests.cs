using System.Runtime.InteropServices;
using Ganymede.Training;

namespace Ganymede.Tests;

/// <summary>Every preset, and every setting that no preset has, through the exact sharded step.</summary>
public sealed class PresetTrainingTests
{
    private const int Steps = 5;

    private static readonly int[] MemberCounts = [1, 2, 4];

    public static TheoryData<string> Names => [.. Preset.Names];

    public static TheoryData<string> Settings =>
    [
        "loss=minimax technique.labelSmoothing=0.1", "loss=least-squares discriminator.architecture=projection", "loss=relativistic regularizer.r1=1 regularizer.r2=1 regularizer.every=4",
        "regularizer.dragan=10 discriminator.norm=layer discriminator.spectralNorm=false", "generatorOptimizer.kind=rmsprop generatorOptimizer.momentum=0.5",
        "augment.color=1 augment.cutout=0.5 augment.adaptiveTarget=0.6 augment.adaptiveImages=500", "schedule.kind=cosine schedule.warmup=3 schedule.decaySteps=150",
        "discriminator.conditioning=concatenation discriminator.norm=virtual-batch generatorOptimizer.kind=sgd generatorOptimizer.momentum=0.5",
        "criticSteps=3 technique.historicalAveraging=0.01 generator.norm=layer", "discriminator.minibatchKernels=5 discriminator.conditioning=auxiliary",
    ];

    [Theory, MemberData(nameof(Names))]
    public void A_preset_gives_the_same_weights_on_one_two_and_four_members(string name) => AssertSame(Slow.IsOn ? Full(name) : Reduced(name));

    [Theory, MemberData(nameof(Settings))]
    public void A_setting_gives_the_same_weights_on_one_two_and_four_members(string settings) => AssertSame(TrainingRig.Small(settings.Split(' ')));

    [Theory]
    [InlineData("loss=minimax", "technique.labelSmoothing=0.1")]
    [InlineData("", "technique.featureMatching=1")]
    [InlineData("", "technique.historicalAveraging=0.1")]
    [InlineData("", "regularizer.dragan=10")]
    [InlineData("discriminator.conditioning=auxiliary", "technique.classWeight=2")]
    [InlineData("", "discriminator.architecture=projection")]
    [InlineData("", "augment.color=1")]
    [InlineData("", "augment.cutout=0.5")]
    [InlineData("", "augment.adaptiveTarget=0.01")]
    public void A_setting_changes_what_is_learnt(string beside, string setting)
    {
        string[] others = beside.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        Assert.NotEqual(Learnt(TrainingRig.Small(others)), Learnt(TrainingRig.Small([.. others, setting])));

        static string Learnt(Preset preset)
        {
            using var replica = Create(preset);
            for (var step = 0; step < 3; step++)
                Assert.True(TrainingRig.Step(replica, preset, step) is { Discriminator.Finite: true, Generator.Finite: true });
            return replica.WeightsSha256();
        }
    }

    [Theory, MemberData(nameof(Names))]
    public void A_preset_trains_200_steps_without_a_number_that_is_not_finite(string name)
    {
        Assert.SkipUnless(Slow.IsOn, "needs minutes; GANYMEDE_SLOW_TESTS=1");
        AssertFinite(Reduced(name));
    }

    [Theory, MemberData(nameof(Settings))]
    public void A_setting_trains_200_steps_without_a_number_that_is_not_finite(string settings)
    {
        Assert.SkipUnless(Slow.IsOn, "needs minutes; GANYMEDE_SLOW_TESTS=1");
        AssertFinite(TrainingRig.Small(settings.Split(' ')));
    }

    [Theory]
    [InlineData("improved-32")]
    [InlineData("wgan-32")]
    [InlineData("semi-32", "augment.translation=0.125", "augment.adaptiveTarget=0.01", "augment.adaptiveImages=100")]
    public void A_loaded_state_goes_on_bit_for_bit_with_everything_that_a_preset_keeps_beside_its_networks(string name, params string[] overrides)
    {
        var preset = Reduced(name, overrides);
        using var straight = Create(preset);
        TrainingRig.Run(straight, preset, 0, 4);
        using var first = Create(preset);
        TrainingRig.Run(first, preset, 0, 2);
        using var resumed = Create(preset);
        TrainingRig.Run(resumed, preset, 0, 1); // what it held before must not matter
        resumed.LoadState(first.CopyState(), nextStep: 2);
        Assert.Equal(first.WeightsFingerprint(), resumed.WeightsFingerprint());
        TrainingRig.Run(resumed, preset, 2, 4);

        Assert.Equal(straight.WeightsFingerprint(), resumed.WeightsFingerprint());
        Assert.Equal(straight.AugmentationProbability, resumed.AugmentationProbability);
        Assert.True(straight.AugmentationProbability > 0); // K + 1 classes score above zero at first, so ADA's strength has left 0, where it starts
        Assert.Equal(straight.DrawGrid(out _, out _), resumed.DrawGrid(out _, out _));
        Assert.Equal(4 * preset.Batch * preset.CriticSteps, resumed.NextSample);
    }

    [Fact]
    public void Critic_steps_take_their_samples_in_order_and_none_twice()
    {
        var preset = TrainingRig.Small("criticSteps=3", "discriminator.spectralNorm=false");
        using var replica = Create(preset);
        replica.BeginStep(0);
        var first = TrainingRig.Compute(replica, Phase.Discriminator, 0, 0);
        var sum = TrainingRig.TreeSum([.. Enumerable.Range(0, 4).Select(shard => TrainingRig.Compute(replica, Phase.Discriminator, 0, shard))], 4);
        var weights = replica.WeightsSha256();
        var overflown = sum.ToArray();
        MemoryMarshal.Cast<byte, float>(overflown.AsSpan())[0] = float.NaN;
        Assert.False(replica.Apply(Phase.Discriminator, 0, overflown).Finite);
        Assert.Equal(weights, replica.WeightsSha256());
        Assert.Throws<InvalidOperationException>(() => replica.Apply(Phase.Generator, 0, new byte[replica.Elements(Phase.Generator) * 4]));
        Assert.Throws<InvalidOperationException>(() => replica.CopyState());
        Assert.Throws<InvalidOperationException>(() => replica.WorkAhead(1, 0));

        replica.BeginStep(0);
        Assert.NotEqual(first, TrainingRig.Compute(replica, Phase.Discriminator, 0, 0)); // of the same weights, so by other samples
        Assert.True(replica.Apply(Phase.Discriminator, 0, sum).Finite);
        Assert.NotEqual(weights, replica.WeightsSha256());
        Assert.Equal(0, replica.NextSample);
        Assert.Equal([Phase.Discriminator, Phase.Discriminator, Phase.Discriminator, Phase.Generator], preset.Phases);
    }

    [Fact]
    public void Tensors_alive_stay_as_many_from_step_to_step()
    {
        foreach (var preset in new[] { Reduced("improved-32"), Reduced("wgan-gp-32"), Reduced("r3gan-32"), Reduced("acgan-32"), Reduced("semi-32", "augment.color=1", "augment.cutout=0.5") })
        {
            using var replica = Create(preset);
            TrainingRig.Run(replica, preset, 0, 2);
            var before = Replica.LiveTensors;
            TrainingRig.Run(replica, preset, 2, 4);
            Assert.Equal(before, Replica.LiveTensors);
        }
    }

    private static Preset Full(string name) => Preset.Load(name, name == "dcgan-128" || name.StartsWith("sngan", StringComparison.Ordinal) ? ["batch=8"] : []);

    private static Preset Reduced(string name, params string[] overrides)
    {
        var preset = Preset.Load(name, []);
        var discriminator = preset.Discriminator.Architecture == DiscriminatorArchitecture.Article ? 64 : 8;
        return Preset.Load(name,
        [
            "batch=8", "shards=4", $"generator.width={preset.Size / 4}", $"discriminator.width={discriminator}", "technique.referenceBatch=2",
            $"discriminator.minibatchKernels={Math.Min(4, preset.Discriminator.MinibatchKernels)}", $"criticSteps={Math.Min(2, preset.CriticSteps)}", .. overrides,
        ]);
    }

    private static void AssertSame(Preset preset)
    {
        var hashes = MemberCounts.Select(count =>
        {
            Replica[] members = [.. Enumerable.Range(0, count).Select(_ => Create(preset))];
            var start = members[0].WeightsSha256();
            for (var step = 0; step < Steps; step++)
                Assert.True(TrainingRig.StepTogether(members, preset, step) is { Discriminator.Finite: true, Generator.Finite: true });
            var hash = Assert.Single(members.Select(member => member.WeightsFingerprint()).Distinct());
            Assert.NotEqual(start, members[0].WeightsSha256());
            foreach (var member in members)
                member.Dispose();
            return hash;
        }).ToArray();
        Assert.Single(hashes.Distinct());
    }

    private static void AssertFinite(Preset preset)
    {
        using var replica = Create(preset);
        for (var step = 0; step < 200; step++)
        {
            var (discriminator, generator) = TrainingRig.Step(replica, preset, step);
            Assert.True(discriminator.Finite && generator.Finite, $"step {step}");
        }
    }

    private static Replica Create(Preset preset) => new(preset, TrainingRig.PackFor(preset), TrainingRig.Seed, "cpu", threads: 1);
}
