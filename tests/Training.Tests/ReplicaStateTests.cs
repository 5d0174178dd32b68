using System.Runtime.InteropServices;
using Ganymede.Training;

namespace Ganymede.Tests;

public sealed class ReplicaStateTests
{
    private static readonly string[] NormEverywhere = ["discriminator.norm=batch", "generatorOptimizer.kind=sgd", "generatorOptimizer.momentum=0.9"];

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Loaded_state_goes_on_bit_for_bit(bool normEverywhere)
    {
        var preset = TrainingRig.Small(normEverywhere ? NormEverywhere : []);
        using var straight = Create(preset, seed: 3);
        TrainingRig.Run(straight, preset, 0, 10);

        using var first = Create(preset, seed: 3);
        TrainingRig.Run(first, preset, 0, 5);
        using var resumed = Create(preset, seed: 3);
        TrainingRig.Run(resumed, preset, 0, 1); // What it held before must not matter.
        resumed.LoadState(first.CopyState(), nextStep: 5);
        Assert.Equal(first.WeightsFingerprint(), resumed.WeightsFingerprint());
        TrainingRig.Run(resumed, preset, 5, 10);

        Assert.Equal(straight.WeightsSha256(), resumed.WeightsSha256());
        Assert.Equal(straight.WeightsFingerprint(), resumed.WeightsFingerprint());
        Assert.Equal(straight.DrawGrid(out _, out _), resumed.DrawGrid(out _, out _));
        Assert.Equal(10 * preset.Batch, resumed.NextSample);
    }

    [Fact]
    public void A_checkpoint_on_disk_goes_on_bit_for_bit_and_draws_the_same_images_for_the_same_job()
    {
        var preset = TrainingRig.Small();
        using var run = new TemporaryFolder();
        using var replica = Create(preset, seed: 3);
        TrainingRig.Run(replica, preset, 0, 3);
        var folder = CheckpointFolder.Write(
            run.Path, replica.CopyState(), replica.DescribeState(new string('a', 64), new Dictionary<string, double>()));

        var checkpoint = CheckpointFolder.Read(folder);
        using var resumed = Create(preset, seed: 3);
        resumed.LoadState(checkpoint.State, checkpoint.Info.Step);
        Assert.Equal(replica.WeightsSha256(), checkpoint.Info.WeightsSha256);
        TrainingRig.Run(replica, preset, 3, 5);
        TrainingRig.Run(resumed, preset, 3, 5);
        Assert.Equal(replica.WeightsSha256(), resumed.WeightsSha256());

        using var drawer = new ImageDrawer(folder, "cpu", threads: 1);
        using var other = new ImageDrawer(folder, "cpu", threads: 1);
        var images = drawer.Draw(jobSeed: 5, [8, 9, 10], [0, 1, 2]);
        Assert.Equal(3 * 16 * 16, images.Length);
        Assert.Equal(images, other.Draw(jobSeed: 5, [8, 9, 10], [0, 1, 2]));
        Assert.NotEqual(images, other.Draw(jobSeed: 6, [8, 9, 10], [0, 1, 2]));
        Assert.NotEqual(images, other.Draw(jobSeed: 5, [8, 9, 10], [0, 1, 1]));
        var swapped = other.Draw(jobSeed: 5, [10, 9, 8], [2, 1, 0]);
        Assert.Equal(images[..256], swapped[512..]); // the place in the batch does not matter either
        Assert.Throws<ArgumentOutOfRangeException>(() => drawer.Draw(1, [0], [3]));
        Assert.Throws<ArgumentException>(() => drawer.Draw(1, [0, 1], [0]));
    }

    [Fact]
    public void State_of_another_network_is_refused_with_the_tensor_s_name()
    {
        using var small = Create(TrainingRig.Small(), seed: 3);
        using var wide = Create(TrainingRig.Small("generator.width=32"), seed: 3);
        var before = small.WeightsFingerprint();

        var error = Assert.Throws<CheckpointException>(() => small.LoadState(wide.CopyState(), nextStep: 1));
        Assert.Contains("project.weight", error.Message, StringComparison.Ordinal);
        var missing = small.CopyState() with { Ema = [] };
        Assert.Contains("ema", Assert.Throws<CheckpointException>(() => small.LoadState(missing, 1)).Message, StringComparison.Ordinal);
        Assert.Equal(before, small.WeightsFingerprint());
    }

    [Fact]
    public void There_is_no_state_between_the_phases_of_a_step()
    {
        var preset = TrainingRig.Small("shards=1");
        using var replica = Create(preset, seed: 3);
        replica.BeginStep(0);
        replica.Apply(Phase.Discriminator, 0, TrainingRig.Compute(replica, Phase.Discriminator, 0, 0));

        Assert.Throws<InvalidOperationException>(() => replica.CopyState());
    }

    [Fact]
    public void The_moving_average_follows_its_formula_with_warm_up()
    {
        var preset = TrainingRig.Small("precision=float64", "ema=0.6");
        using var replica = Create(preset, seed: 3);
        var expected = replica.CopyState().Generator.ToDictionary(tensor => tensor.Name, Doubles);
        for (var step = 0; step < 12; step++)
        {
            TrainingRig.Step(replica, preset, step);
            var decay = Math.Min(0.6, (1 + step) / (10.0 + step));
            foreach (var tensor in replica.CopyState().Generator)
            {
                var value = Doubles(tensor);
                expected[tensor.Name] = [.. expected[tensor.Name].Zip(value, (average, now) => decay * average + (1 - decay) * now)];
            }
        }

        Assert.All(replica.CopyState().Ema, tensor =>
            Assert.All(Doubles(tensor).Zip(expected[tensor.Name]), pair => Assert.Equal(pair.Second, pair.First, tolerance: 1e-12)));
    }

    [Fact]
    public void Running_statistics_are_folded_once_a_step_from_the_mean_over_shards()
    {
        var preset = TrainingRig.Small("precision=float64", "discriminator.norm=batch");
        using var replica = Create(preset, seed: 3);
        replica.BeginStep(0);
        foreach (var phase in Enum.GetValues<Phase>())
        {
            var before = Running(replica, phase);
            var shards = Enumerable.Range(0, 4).Select(shard => TrainingRig.Compute(replica, phase, 0, shard)).ToList();
            var sum = TrainingRig.TreeSum(shards, sizeof(double));
            var statistics = MemoryMarshal.Cast<byte, double>(sum.AsSpan())[^(Trailer.Slots + before.Length)..^Trailer.Slots].ToArray();

            replica.Apply(phase, 0, sum);

            var expected = before.Zip(statistics, (old, total) => 0.9 * old + 0.1 * total / 4).ToArray();
            Assert.All(Running(replica, phase).Zip(expected), pair => Assert.Equal(pair.Second, pair.First, tolerance: 1e-14));
            Assert.NotEqual(before, expected);
        }
    }

    private static double[] Running(Replica replica, Phase phase)
    {
        var state = replica.CopyStateOf(phase);
        return [.. state.Where(tensor => tensor.Name.Contains("running_", StringComparison.Ordinal)).SelectMany(Doubles)];
    }

    private static double[] Doubles(NamedTensor tensor) => MemoryMarshal.Cast<byte, double>(tensor.Data.Span).ToArray();

    private static Replica Create(Preset preset, ulong seed) => new(preset, TrainingRig.PackFor(preset), seed, "cpu", threads: 1);
}
