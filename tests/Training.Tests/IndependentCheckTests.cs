using Ganymede.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Ganymede.Tests;

public sealed class IndependentCheckTests
{
    private const int Steps = 5;

    [Theory]
    [InlineData("cgan-32", "batch=16", "shards=4", "generator.norm=none")]
    [InlineData("cgan-32", "batch=16", "shards=1")]
    [InlineData("article-64", "shards=1", "generator.width=64", "discriminator.width=128")]
    [InlineData("article-64-adam", "shards=1", "generator.width=64", "discriminator.width=128")]
    public void Shards_summed_along_the_tree_train_as_one_plain_mini_batch_does(string name, params string[] overrides)
    {
        // GANYMEDE_SLOW_TESTS=1 checks the article's networks at their full width.
        var preset = Preset.Load(name, ["precision=float64", .. overrides.Where(change => !Slow.IsOn || !change.Contains("width", StringComparison.Ordinal))]);
        var data = TrainingRig.PackFor(preset);
        using var replica = new Replica(preset, data, TrainingRig.Seed, "cpu", threads: 1);
        using var plain = new PlainTrainer(preset, data, TrainingRig.Seed);
        var before = Values(replica);
        AssertEqual(plain, before, tolerance: 0);

        for (var step = 0; step < Steps; step++)
        {
            var (discriminator, generator) = TrainingRig.Step(replica, preset, step);
            var losses = plain.Step(step);
            Assert.Equal(losses.Real, discriminator.RealLoss, tolerance: 1e-10);
            Assert.Equal(losses.Fake, discriminator.FakeLoss, tolerance: 1e-10);
            Assert.Equal(losses.Generator, generator.GeneratorLoss, tolerance: 1e-10);
        }

        var after = Values(replica);
        AssertEqual(plain, after, tolerance: 1e-10);
        Assert.All(after.Where(pair => pair.Key.EndsWith("weight", StringComparison.Ordinal)), pair => Assert.NotEqual(before[pair.Key], pair.Value));
    }

    /// <summary>Two members with two shards each; batch norm, whose statistics are a shard's, is left out.</summary>
    [Theory]
    [InlineData("wgan-gp-32")]
    [InlineData("wgan-gp-32", "regularizer.every=2", "discriminator.norm=layer")]
    [InlineData("wgan-32")]
    [InlineData("cgan-32", "regularizer.r1=3")]
    [InlineData("dcgan-32", "regularizer.r1=3", "regularizer.every=2", "augment.translation=0.125")]
    [InlineData("r3gan-32", "regularizer.r1=2", "regularizer.r2=2", "augment.translation=0.125")]
    [InlineData("sngan-32", "schedule.kind=constant", "schedule.decaySteps=0")]
    public void Two_members_with_penalties_or_critic_steps_train_as_one_plain_mini_batch_does(string name, params string[] overrides)
    {
        var preset = Preset.Load(name,
        [
            "precision=float64", "batch=16", "shards=4", "size=16", "generator.norm=none", "discriminator.norm=none", "generator.width=16",
            "discriminator.width=8", "generator.initialization=he", "discriminator.initialization=he", .. overrides,
        ]);
        preset = preset.CriticSteps > 1 ? preset with { CriticSteps = 3 } : preset;
        var data = TrainingRig.PackFor(preset);
        using var first = new Replica(preset, data, TrainingRig.Seed, "cpu", threads: 1);
        using var second = new Replica(preset, data, TrainingRig.Seed, "cpu", threads: 1);
        using var plain = new PlainTrainer(preset, data, TrainingRig.Seed);
        var before = Values(first);

        for (var step = 0; step < Steps; step++)
        {
            var (discriminator, generator) = TrainingRig.StepTogether([first, second], preset, step);
            var losses = plain.Step(step);
            Assert.Equal(losses.Real, discriminator.RealLoss, tolerance: 1e-10);
            Assert.Equal(losses.Fake, discriminator.FakeLoss, tolerance: 1e-10);
            Assert.Equal(losses.Generator, generator.GeneratorLoss, tolerance: 1e-10);
            if (preset.Loss == LossKind.Wasserstein)
                Assert.Equal(-losses.Real - losses.Fake, discriminator.WassersteinEstimate, tolerance: 1e-10);
            if (preset.Regularizer.DifferentiatesInputs && step % preset.Regularizer.Every == 0 && preset.CriticSteps == 1)
                Assert.True(discriminator.Penalty > 0);
        }

        var after = Values(first);
        AssertEqual(plain, after, tolerance: 1e-10);
        AssertEqual(plain, Values(second), tolerance: 1e-10);
        Assert.All(after.Where(pair => pair.Key.EndsWith("weight", StringComparison.Ordinal)), pair => Assert.NotEqual(before[pair.Key], pair.Value));
        Assert.Equal(first.WeightsSha256(), second.WeightsSha256());
    }

    private static Dictionary<string, double[]> Values(Replica replica) =>
        replica.NamedParameters().ToDictionary(p => p.Name, p => p.Value.contiguous().data<double>().ToArray());

    private static void AssertEqual(PlainTrainer plain, Dictionary<string, double[]> values, double tolerance)
    {
        var expected = plain.Parameters.ToDictionary(p => p.Name, p => p.Value.detach().data<double>().ToArray());
        Assert.Equal(expected.Keys.Order(), values.Keys.Order());
        foreach (var (name, value) in expected)
        {
            var difference = value.Zip(values[name], (a, b) => Math.Abs(a - b)).Max();
            Assert.True(difference <= tolerance, $"{name} differs by {difference:g3}");
        }
    }
}
