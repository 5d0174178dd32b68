using System.Runtime.InteropServices;
using Ganymede.Datasets;
using Ganymede.Training;

namespace Ganymede.Tests;

public sealed class ReplicaTests
{
    private static readonly int[][] Orders = [[0, 1, 2, 3], [3, 1, 0, 2], [2, 3, 1, 0]];

    [Fact]
    public void A_shard_s_bytes_do_not_depend_on_what_was_computed_before_or_by_whom()
    {
        var preset = TrainingRig.Small();
        using var first = Create(preset);
        using var second = Create(preset);
        first.BeginStep(0);
        second.BeginStep(0);

        foreach (var phase in Enum.GetValues<Phase>())
        {
            var alone = Enumerable.Range(0, 4).Select(shard => TrainingRig.Compute(first, phase, 0, shard)).ToList();
            foreach (var order in Orders)
            {
                foreach (var shard in order)
                {
                    Assert.Equal(alone[shard], TrainingRig.Compute(second, phase, 0, shard));
                }
            }

            Assert.Equal(4, alone.DistinctBy(Convert.ToHexString).Count());
        }
    }

    [Fact]
    public void Weights_are_the_same_whatever_the_order_of_shards_and_the_number_of_replicas()
    {
        var preset = TrainingRig.Small();
        using var alone = Create(preset);
        using var shuffled = Create(preset);
        using var left = Create(preset);
        using var right = Create(preset);
        for (var step = 0; step < 5; step++)
        {
            TrainingRig.Step(alone, preset, step);
            TrainingRig.Step(shuffled, preset, step, Orders[step % Orders.Length]);
            StepTogether(left, right, step);
        }

        Assert.Equal(alone.WeightsSha256(), shuffled.WeightsSha256());
        Assert.Equal(alone.WeightsSha256(), left.WeightsSha256());
        Assert.Equal(alone.WeightsFingerprint(), shuffled.WeightsFingerprint());
        Assert.Equal(alone.WeightsFingerprint(), left.WeightsFingerprint());
        Assert.Equal(alone.WeightsFingerprint(), right.WeightsFingerprint());
    }

    [Theory]
    [InlineData("cgan-32", "size=16", "batch=16", "generator.width=16", "discriminator.width=8", "generator.noise=8")]
    [InlineData("cgan-32", "size=16", "batch=16", "generator.width=16", "discriminator.width=8", "discriminator.norm=batch", "conditional=false", "generator.norm=batch")]
    [InlineData("article-64-adam", "batch=8", "generator.width=32", "discriminator.width=64")]
    public void Work_done_ahead_changes_no_byte_even_if_the_step_has_to_be_gone_back_to(string name, params string[] overrides)
    {
        var preset = Preset.Load(name, ["shards=4", .. overrides]);
        using var plain = Create(preset);
        using var hasty = Create(preset);
        for (var step = 0L; step < 4; step++)
        {
            TrainingRig.Step(plain, preset, step);
            hasty.BeginStep(step);
            hasty.Apply(Phase.Discriminator, step, Sum(hasty, Phase.Discriminator, step));
            var sum = Sum(hasty, Phase.Generator, step);
            foreach (var shard in Orders[step % Orders.Length].Take(3)) // one shard is left for its turn
            {
                hasty.WorkAhead(step + 1, shard);
            }

            Assert.Equal(sum, Sum(hasty, Phase.Generator, step));
            hasty.WorkAhead(step + 1, 0);
            hasty.Apply(Phase.Generator, step, sum);
        }

        Assert.Equal(plain.WeightsFingerprint(), hasty.WeightsFingerprint());
        Assert.Equal(Text(plain.CopyState()), Text(hasty.CopyState()));
    }

    [Fact]
    public void Work_ahead_waits_for_the_discriminator()
    {
        var preset = TrainingRig.Small();
        using var replica = Create(preset);
        replica.BeginStep(0);
        Assert.Throws<InvalidOperationException>(() => replica.WorkAhead(1, 0));
    }

    [Fact]
    public void Only_a_wide_input_layer_travels_as_factors()
    {
        var (few, many) = (Preset.Load("article-64-adam", []), Preset.Load("article-64-adam", ["batch=512"]));
        using var factored = Create(few);
        using var whole = Create(many);

        // 12,288 x 1,024 weights against 64 rows of 12,288 + 1,024, and 100 x 8,192 against 32 rows of 100 + 8,192.
        Assert.Equal(64 * (12288 + 1024) - 12288 * 1024, factored.Elements(Phase.Discriminator) - whole.Elements(Phase.Discriminator));
        Assert.Equal(32 * (100 + 8192) - 100 * 8192, factored.Elements(Phase.Generator) - whole.Elements(Phase.Generator));
    }

    [Fact]
    public void Another_seed_gives_other_weights()
    {
        var preset = TrainingRig.Small();
        using var one = new Replica(preset, TrainingRig.PackFor(preset), seed: 1, "cpu", threads: 1);
        using var other = new Replica(preset, TrainingRig.PackFor(preset), seed: 2, "cpu", threads: 1);

        Assert.NotEqual(one.WeightsSha256(), other.WeightsSha256());
        Assert.NotEqual(one.WeightsFingerprint(), other.WeightsFingerprint());
    }

    [Fact]
    public void The_number_of_live_tensors_is_flat_over_200_steps()
    {
        var preset = TrainingRig.Small("batch=8");
        using var replica = Create(preset);
        TrainingRig.Run(replica, preset, 0, 2);
        replica.DrawGrid(out _, out _);
        var before = Replica.LiveTensors;

        TrainingRig.Run(replica, preset, 2, 202);
        replica.DrawGrid(out _, out _);
        _ = replica.WeightsFingerprint();

        Assert.Equal(before, Replica.LiveTensors);
    }

    [Fact]
    public void Training_teaches_the_discriminator_to_tell_real_from_drawn()
    {
        var preset = TrainingRig.Small("augment.translation=0");
        using var replica = Create(preset);
        var reports = Enumerable.Range(0, 40).Select(step => TrainingRig.Step(replica, preset, step)).ToList();

        Assert.All(reports, report => Assert.True(report.Discriminator.Finite && report.Generator.Finite));
        Assert.True(LossOf(reports.TakeLast(5)) < 0.9 * LossOf(reports.Take(5)), $"{LossOf(reports.Take(5))} became {LossOf(reports.TakeLast(5))}");

        static double LossOf(IEnumerable<(PhaseReport Discriminator, PhaseReport Generator)> reports) =>
            reports.Average(report => report.Discriminator.RealLoss + report.Discriminator.FakeLoss);
    }

    [Fact]
    public void A_stop_asked_of_one_member_is_known_to_all_after_the_phase()
    {
        var preset = TrainingRig.Small();
        using var asked = Create(preset);
        using var other = Create(preset);
        asked.StopRequested = true;

        var reports = StepTogether(asked, other, 0);

        Assert.All(reports, report => Assert.True(report.StopRequested));
        Assert.All(reports, report => Assert.False(report.CheckpointRequested));
        asked.StopRequested = false;
        other.CheckpointRequested = true;
        reports = StepTogether(asked, other, 1);
        Assert.All(reports, report => Assert.False(report.StopRequested));
        Assert.All(reports, report => Assert.True(report.CheckpointRequested));
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    public void A_gradient_that_is_not_finite_updates_nothing_and_the_step_counts(float poison)
    {
        var preset = TrainingRig.Small("generator.norm=batch", "conditional=false", "discriminator.norm=batch", "discriminator.spectralNorm=false");
        using var replica = Create(preset);
        TrainingRig.Run(replica, preset, 0, 2);
        var (sha, fingerprint) = (replica.WeightsSha256(), replica.WeightsFingerprint());
        var state = replica.CopyState();
        replica.BeginStep(2);
        foreach (var phase in Enum.GetValues<Phase>())
        {
            var shards = Enumerable.Range(0, 4).Select(shard => TrainingRig.Compute(replica, phase, 2, shard)).ToList();
            MemoryMarshal.Cast<byte, float>(shards[2].AsSpan())[17] = poison;

            Assert.False(replica.Apply(phase, 2, TrainingRig.TreeSum(shards, sizeof(float))).Finite);
        }

        Assert.Equal((sha, fingerprint), (replica.WeightsSha256(), replica.WeightsFingerprint()));
        Assert.Equal(Text(state), Text(replica.CopyState()));
        Assert.Equal(3, replica.NextStep);
        TrainingRig.Run(replica, preset, 3, 4);
        Assert.NotEqual(sha, replica.WeightsSha256());
    }

    [Fact]
    public void A_shard_that_is_not_finite_says_so_in_its_trailer()
    {
        var preset = TrainingRig.Small("generatorOptimizer.kind=sgd", "generatorOptimizer.learningRate=10");
        using var replica = Create(preset);
        replica.BeginStep(0);
        replica.Apply(Phase.Discriminator, 0, Sum(replica, Phase.Discriminator, 0));
        var huge = Sum(replica, Phase.Generator, 0);
        var gradient = MemoryMarshal.Cast<byte, float>(huge.AsSpan())[..^Trailer.Slots];
        for (var index = 0; index < gradient.Length; index++)
        {
            gradient[index] = Math.Sign(gradient[index]) * 1e38f; // Finite, and so applied; the generator's next images are not.
        }

        Assert.True(replica.Apply(Phase.Generator, 0, huge).Finite);
        replica.BeginStep(1);
        var report = replica.Apply(Phase.Discriminator, 1, Sum(replica, Phase.Discriminator, 1));

        Assert.False(report.Finite);
        Assert.Equal(preset.Shards, report.NonFiniteShards);
        var ofGenerator = replica.Apply(Phase.Generator, 1, Sum(replica, Phase.Generator, 1));
        Assert.Equal((0, 0), (report.FakeAccuracy, ofGenerator.FakeAccuracy)); // scores that are no numbers are never right
    }

    [Fact]
    public void Phases_and_steps_out_of_turn_are_refused()
    {
        var preset = TrainingRig.Small();
        using var replica = Create(preset);
        var sum = new byte[replica.Elements(Phase.Generator) * replica.ElementSize];

        Assert.Throws<InvalidOperationException>(() => replica.Apply(Phase.Generator, 0, sum));
        Assert.Throws<InvalidOperationException>(() => replica.BeginStep(1));
        Assert.Throws<ArgumentException>(() => replica.Apply(Phase.Discriminator, 0, sum.AsSpan(1)));
        Assert.Throws<ArgumentOutOfRangeException>(() => replica.ComputeShard(Phase.Generator, 0, preset.Shards, sum));
    }

    [Fact]
    public void Images_of_another_size_than_the_preset_s_are_refused_with_both_sizes_named()
    {
        var error = Assert.Throws<BadDataException>(() => new Replica(TrainingRig.Small(), TrainingRig.Pack(32, 1), 1, "cpu", 1));
        Assert.Contains("32", error.Message, StringComparison.Ordinal);
        Assert.Contains("16", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_step_takes_its_samples_in_order_and_every_shard_its_own()
    {
        var preset = TrainingRig.Small();
        var data = TrainingRig.PackFor(preset);
        var plan = new ShardPlan(preset, data, TrainingRig.Seed, TorchSharp.torch.CPU);
        var order = new SampleOrder(data.Count, TrainingRig.Seed);

        for (var shard = 0; shard < preset.Shards; shard++)
        {
            var (images, labels) = plan.Real(update: 3, shard);
            for (var sample = 0; sample < plan.Samples; sample++)
            {
                var index = order.IndexOf(3 * 16 + shard * 4 + sample);
                Assert.Equal(data.Labels[index], labels[sample].item<long>());
                Assert.Equal(data.Image(index).ToArray().Select(pixel => pixel / 127.5 - 1),
                    images[sample].flatten().data<float>().ToArray().Select(value => (double)value), (a, b) => Math.Abs(a - b) < 1e-6);
            }
        }
    }

    [Fact]
    public void Labels_are_asked_of_the_generator_as_often_as_the_data_has_them()
    {
        var preset = TrainingRig.Small("batch=4096", "shards=1");
        var classes = new[] { 0, 0, 0, 1 }; // three to one
        var data = new ImagePack(1, 16, 16, ["often", "seldom"], classes, new byte[4 * 256]);
        var plan = new ShardPlan(preset, data, TrainingRig.Seed, TorchSharp.torch.CPU);

        var (_, labels) = plan.Imagined(update: 0, shard: 0);

        Assert.Equal(0.25, labels.data<long>().ToArray().Average(), tolerance: 0.03); // four deviations are 0.027
    }

    private static Replica Create(Preset preset) => new(preset, TrainingRig.PackFor(preset), TrainingRig.Seed, "cpu", threads: 1);

    private static byte[] Sum(Replica replica, Phase phase, long step) =>
        TrainingRig.TreeSum([.. Enumerable.Range(0, 4).Select(shard => TrainingRig.Compute(replica, phase, step, shard))], replica.ElementSize);

    // Two replicas, two shards each, both applied the same sum.
    private static List<PhaseReport> StepTogether(Replica left, Replica right, long step)
    {
        left.BeginStep(step);
        right.BeginStep(step);
        var reports = new List<PhaseReport>();
        foreach (var phase in Enum.GetValues<Phase>())
        {
            var shards = Enumerable.Range(0, 4).Select(shard => TrainingRig.Compute(shard < 2 ? left : right, phase, step, shard)).ToList();
            var sum = TrainingRig.TreeSum(shards, sizeof(float));
            reports.Add(left.Apply(phase, step, sum));
            reports.Add(right.Apply(phase, step, sum));
        }

        return reports;
    }

    private static string Text(ReplicaState state) => string.Join("\n",
        new[] { state.Generator, state.Discriminator, state.Ema, state.Optimizer }
            .SelectMany(part => part).Select(tensor => $"{tensor.Name} {Convert.ToHexString(tensor.Data.Span)}"));
}
