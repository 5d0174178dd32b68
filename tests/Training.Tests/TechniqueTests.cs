using Ganymede.Datasets;
using Ganymede.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Ganymede.Tests;

/// <summary>Salimans et al. 2016, Odena et al. 2017 and Mirza and Osindero 2014: each against its formula, written out once more.</summary>
public sealed class TechniqueTests
{
    [Fact]
    public void Feature_matching_is_the_squared_distance_of_mean_features()
    {
        using var scope = NewDisposeScope();
        var (real, fake) = (tensor(new double[,] { { 1, 2 }, { 3, 6 } }), tensor(new double[,] { { 0, 1 }, { 1, 2 } }));
        Assert.Equal(1.5 * 1.5 + 2.5 * 2.5, FeatureMatching.Of(real, fake).item<double>(), tolerance: 1e-12);
    }

    [Fact]
    public void Minibatch_discrimination_adds_how_near_the_other_images_are_in_each_kernel()
    {
        using var scope = NewDisposeScope();
        manual_seed(5);
        using var layer = new MinibatchDiscrimination(features: 3, kernels: 2, ScalarType.Float64);
        var weight = layer.get_parameter("weight")!;
        using (no_grad())
            weight.copy_(randn(weight.shape, dtype: ScalarType.Float64));
        var features = randn(4, 3, dtype: ScalarType.Float64);

        var actual = layer.forward(features);

        var rows = features.matmul(weight.detach().t()).data<double>().ToArray(); // 4 x 10
        for (var i = 0; i < 4; i++)
        {
            for (var kernel = 0; kernel < 2; kernel++)
            {
                var expected = Enumerable.Range(0, 4).Sum(j => Math.Exp(-Enumerable.Range(0, 5).Sum(c => Math.Abs(rows[i * 10 + kernel * 5 + c] - rows[j * 10 + kernel * 5 + c]))));
                Assert.Equal(expected, actual[i, 3 + kernel].item<double>(), tolerance: 1e-12);
            }
        }

        Assert.True(actual.narrow(1, 0, 3).allclose(features, 0, 0));
    }

    [Fact]
    public void Virtual_batch_norm_uses_the_reference_rows_and_the_sample_itself_and_nothing_else()
    {
        using var scope = NewDisposeScope();
        manual_seed(6);
        using var norm = new VirtualBatchNorm(features: 2, rows: 3, ScalarType.Float64);
        var all = randn(5, 2, 4, 4, dtype: ScalarType.Float64);

        var actual = norm.forward(all, all);

        for (var feature = 0; feature < 2; feature++)
        {
            double[] Values(int row) => all[row, feature].flatten().data<double>().ToArray();
            var reference = Enumerable.Range(0, 3).SelectMany(Values).ToArray();
            for (var row = 0; row < 5; row++)
            {
                double Mixed(Func<double, double> of) => row < 3 ? reference.Average(of) : (Values(row).Average(of) + 3 * reference.Average(of)) / 4;
                var mean = Mixed(v => v);
                var variance = Mixed(v => v * v) - mean * mean;
                Assert.Equal(Values(row).Select(v => (v - mean) / Math.Sqrt(variance + 1e-5)), actual[row, feature].flatten().data<double>().ToArray(), (a, b) => Math.Abs(a - b) < 1e-10);
            }
        }
    }

    [Fact]
    public void With_virtual_batch_norm_an_image_does_not_depend_on_the_others_of_its_batch()
    {
        using var scope = NewDisposeScope();
        var preset = TrainingRig.Small("precision=float64", "generator.norm=virtual-batch", "technique.referenceBatch=3");
        using var generator = NetworkFactory.CreateGenerator(preset, 3, seed: 2);
        var (noise, labels) = (randn(4, 8, dtype: ScalarType.Float64), tensor(new long[] { 0, 1, 2, 0 }));
        var together = generator.forward(noise, labels);
        var alone = generator.forward(noise.narrow(0, 2, 1), labels.narrow(0, 2, 1));
        Assert.Equal([4, 1, 16, 16], together.shape);
        Assert.True(together.narrow(0, 2, 1).allclose(alone, 1e-10, 1e-10));
    }

    [Fact]
    public void The_semi_supervised_score_is_that_of_a_classifier_with_the_class_generated_at_zero()
    {
        using var scope = NewDisposeScope();
        manual_seed(7);
        var preset = TrainingRig.Small("precision=float64", "conditional=false", "generator.norm=batch", "discriminator.conditioning=semi-supervised");
        using var network = NetworkFactory.CreateDiscriminator(preset, 3, seed: 2);
        using var verdict = network.Judge(randn(4, 1, 16, 16, dtype: ScalarType.Float64), zeros(4, dtype: ScalarType.Int64));

        var withGenerated = cat([verdict.Guesses!, zeros(4, 1, dtype: ScalarType.Float64)], 1).softmax(1); // K + 1 classes
        var real = 1 - withGenerated.select(1, 3);
        Assert.True(real.allclose(verdict.Logits.sigmoid(), 1e-12, 1e-12));
        Assert.DoesNotContain("realness.weight", network.state_dict().Keys);
    }

    [Fact]
    public void The_class_loss_is_the_cross_entropy_of_real_and_with_an_auxiliary_head_of_generated_images()
    {
        using var scope = NewDisposeScope();
        var guesses = tensor(new double[,] { { 1, 2, -1 }, { 0, 0, 3 } });
        var verdict = new Verdict(zeros(2, dtype: ScalarType.Float64), zeros(2, 1, dtype: ScalarType.Float64), guesses);
        var labels = tensor(new long[] { 1, 0 });
        double Entropy(double[] row, int label) => Math.Log(row.Sum(Math.Exp)) - row[label];
        var expected = 2 * (Entropy([1, 2, -1], 1) + Entropy([0, 0, 3], 0)) / 2;

        var auxiliary = new Objective(TrainingRig.Small("discriminator.conditioning=auxiliary", "technique.classWeight=2"));
        Assert.Equal(expected, auxiliary.ClassesOfReal(verdict, labels)!.item<double>(), tolerance: 1e-12);
        Assert.Equal(expected, auxiliary.ClassesOfFake(verdict, labels)!.item<double>(), tolerance: 1e-12);
        var semi = new Objective(TrainingRig.Small("conditional=false", "generator.norm=batch", "discriminator.conditioning=semi-supervised", "technique.classWeight=2"));
        Assert.Equal(expected, semi.ClassesOfReal(verdict, labels)!.item<double>(), tolerance: 1e-12);
        Assert.Null(semi.ClassesOfFake(verdict, labels));
    }

    [Theory]
    [InlineData(Conditioning.Projection)]
    [InlineData(Conditioning.Concatenation)]
    [InlineData(Conditioning.Auxiliary)]
    public void Every_discriminator_takes_every_way_of_conditioning(Conditioning conditioning)
    {
        using var scope = NewDisposeScope();
        manual_seed(8);
        foreach (var architecture in Enum.GetValues<DiscriminatorArchitecture>())
        {
            var preset = TrainingRig.Small("precision=float64") with
            {
                Discriminator = new(architecture, 32, NormKind.None, SpectralNorm: false, conditioning, MinibatchKernels: 2, InitialWeights.He),
            };
            using var network = NetworkFactory.CreateDiscriminator(preset, 3, seed: 4);
            var images = randn(2, 1, 16, 16, dtype: ScalarType.Float64);
            using var one = network.Judge(images, tensor(new long[] { 0, 1 }));
            using var other = network.Judge(images, tensor(new long[] { 2, 2 }));

            Assert.Equal([2], one.Logits.shape);
            Assert.Equal(conditioning == Conditioning.Auxiliary, one.Logits.allclose(other.Logits));
            if (conditioning == Conditioning.Auxiliary)
                Assert.Equal([2, 3], one.Guesses!.shape);
            else
                Assert.Null(one.Guesses);
        }
    }

    [Fact]
    public void Every_generator_draws_another_image_for_another_class()
    {
        using var scope = NewDisposeScope();
        foreach (var architecture in Enum.GetValues<GeneratorArchitecture>())
        {
            foreach (var norm in new[] { NormKind.None, NormKind.Batch, NormKind.VirtualBatch, NormKind.Layer })
            {
                var preset = TrainingRig.Small("precision=float64") with { Generator = new(architecture, 16, 4, norm), Size = 32 };
                using var network = NetworkFactory.CreateGenerator(preset, 3, seed: 4);
                var noise = randn(2, 4, dtype: ScalarType.Float64);
                var one = network.forward(noise, tensor(new long[] { 0, 0 }));
                Assert.Equal([2, 1, 32, 32], one.shape);
                if (norm != NormKind.Batch) // by which two equal labels cancel
                    Assert.True((one - network.forward(noise, tensor(new long[] { 0, 2 }))).abs().max().item<double>() > 1e-4, $"{architecture} {norm}");
            }
        }
    }

    [Theory]
    [InlineData(0, 0.1)]
    [InlineData(9, 1.0)]
    [InlineData(10, 1.0)]
    [InlineData(60, 0.5)]
    [InlineData(35, 0.75)]
    [InlineData(1_000, LearningRateSchedule.Least)]
    public void A_linear_rate_warms_up_and_decays(long step, double factor) =>
        Assert.Equal(factor, LearningRateSchedule.FactorOf(new(ScheduleKind.Linear, Warmup: 10, DecaySteps: 110), step), tolerance: 1e-12);

    [Fact]
    public void A_cosine_rate_follows_the_cosine_and_a_constant_one_stays()
    {
        var cosine = new ScheduleSettings(ScheduleKind.Cosine, Warmup: 0, DecaySteps: 100);
        foreach (var step in new[] { 0, 13, 50, 77, 90 })
            Assert.Equal((1 + Math.Cos(Math.PI * step / 100)) / 2, LearningRateSchedule.FactorOf(cosine, step), tolerance: 1e-12);
        Assert.Equal(1, LearningRateSchedule.FactorOf(new(), 12_345));
    }

    [Fact]
    public void The_schedule_s_factor_reaches_the_update()
    {
        var preset = TrainingRig.Small("generatorOptimizer.kind=sgd", "discriminatorOptimizer.kind=sgd", "ema=0");
        var warming = preset with { Schedule = new(Warmup: 2) };
        using var whole = new Replica(preset, TrainingRig.PackFor(preset), TrainingRig.Seed, "cpu", threads: 1);
        using var half = new Replica(warming, TrainingRig.PackFor(preset), TrainingRig.Seed, "cpu", threads: 1);
        var before = Weights(whole);
        TrainingRig.Run(whole, preset, 0, 1);
        TrainingRig.Run(half, warming, 0, 1);
        Assert.Equal(Weights(whole).Zip(before).Select(p => (p.First - p.Second) / 2), Weights(half).Zip(before).Select(p => p.First - p.Second), (a, b) => Math.Abs(a - b) < 1e-7);

        static float[] Weights(Replica replica) => [.. replica.NamedParameters().Where(p => p.Name.StartsWith("discriminator", StringComparison.Ordinal)).SelectMany(p => p.Value.data<float>().ToArray())];
    }
}
