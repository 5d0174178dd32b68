using System.Runtime.InteropServices;
using Ganymede.Datasets;
using Ganymede.Training;
using static TorchSharp.torch;

namespace Ganymede.Tests;

/// <summary>The controller in the exact sharded step: it acts in almost every step here, through its whole ladder.</summary>
public sealed class ControlledTrainingTests
{
    /// <summary>A window a step, and limits that no generator keeps so early.</summary>
    private static readonly string[] Restless =
    [
        "controller.window=1", "controller.every=1", "controller.warmup=1", "controller.patience=1", "controller.coolDown=0", "controller.diversity=0.999", "controller.hysteresis=1",
        "controller.signRate=0", "controller.gradientGrowth=0", "controller.classes=0", "controller.rollBacks=2",
    ];

    private static readonly int[] MemberCounts = [1, 2, 4];
    private static readonly Phase[] Phases = [Phase.Discriminator, Phase.Generator];

    public static TheoryData<string> Presets => ["", "discriminator.norm=batch discriminator.spectralNorm=false criticSteps=2", "discriminator.conditioning=auxiliary loss=relativistic", "augment.color=1 augment.adaptiveTarget=0.6"];

    [Theory, MemberData(nameof(Presets))]
    public void One_two_and_four_members_climb_the_ladder_alike_and_end_with_the_same_weights(string settings)
    {
        var preset = Small([.. settings.Split(' ', StringSplitOptions.RemoveEmptyEntries), .. Restless]);
        var runs = MemberCounts.Select(count =>
        {
            Replica[] members = [.. Enumerable.Range(0, count).Select(_ => Create(preset))];
            ControllerEvent[] events = [.. Enumerable.Range(0, 8).Select(step => TrainingRig.StepTogether(members, preset, step).Generator.Control!.Event).OfType<ControllerEvent>()];
            var hash = Assert.Single(members.Select(member => member.WeightsFingerprint()).Distinct());
            var weights = Assert.Single(members.Select(member => member.WeightsSha256()).Distinct());
            foreach (var member in members)
                member.Dispose();
            return (hash, weights, Events: string.Join('\n', events.Select(happened => happened.Reason)), Kinds: events.Select(happened => happened.Kind).ToArray());
        }).ToArray();

        Assert.Single(runs.Select(run => (run.hash, run.weights, run.Events)).Distinct());
        Assert.Equal(
        [
            ControllerEventKind.RaiseAugmentation, ControllerEventKind.RaiseR1, ControllerEventKind.LowerRate, ControllerEventKind.RollBack, ControllerEventKind.RollBack,
            ControllerEventKind.Stop, ControllerEventKind.Stop,
        ], runs[0].Kinds);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(4)]
    [InlineData(6)]
    public void A_checkpoint_in_the_middle_of_the_ladder_goes_on_bit_for_bit(int half)
    {
        var preset = Small([.. Restless, "augment.adaptiveTarget=0.6", "augment.adaptiveImages=500"]);
        using var straight = Create(preset);
        TrainingRig.Run(straight, preset, 0, 8);
        using var first = Create(preset);
        TrainingRig.Run(first, preset, 0, half);
        using var folder = new TemporaryFolder();
        var checkpoint = CheckpointFolder.Read(CheckpointFolder.Write(folder.Path, first.CopyState(), first.DescribeState(new string('a', 64), new Dictionary<string, double>())));
        var (handed, next) = StateBlob.Read(StateBlob.Write(first.CopyState(), half));
        foreach (var state in new[] { checkpoint.State, handed })
        {
            using var resumed = Create(preset);
            TrainingRig.Run(resumed, preset, 0, 3); // what it held before, knobs included, must not matter
            resumed.LoadState(state, next);
            Assert.Equal(first.WeightsFingerprint(), resumed.WeightsFingerprint());
            Assert.Equal(first.Knobs, resumed.Knobs);
            TrainingRig.Run(resumed, preset, half, 8);
            Assert.Equal(straight.WeightsFingerprint(), resumed.WeightsFingerprint());
            Assert.Equal(straight.WeightsSha256(), resumed.WeightsSha256());
        }

        var bare = checkpoint.State with { Optimizer = [.. checkpoint.State.Optimizer.Where(tensor => !tensor.Name.StartsWith("controller.good.", StringComparison.Ordinal))] };
        Assert.Contains("controller.good.", Assert.Throws<CheckpointException>(() => first.LoadState(bare, half)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_controller_that_does_nothing_changes_nothing_and_one_that_is_off_costs_nothing()
    {
        var (off, on) = (Small(), Small("controller.window=2", "controller.every=2", "controller.warmup=1000", "controller.r1=0"));
        using var without = Create(off);
        using var with = Create(on);
        for (var step = 0; step < 3; step++)
        {
            Assert.Null(TrainingRig.Step(without, off, step).Generator.Control);
            Assert.NotNull(TrainingRig.Step(with, on, step).Generator.Control);
        }

        Assert.Equal(without.WeightsSha256(), with.WeightsSha256());
        Assert.Null(without.Knobs);
        Assert.Equal(without.Elements(Phase.Generator), with.Elements(Phase.Generator));
        Assert.Equal(without.Elements(Phase.Discriminator) + 2, with.Elements(Phase.Discriminator));
        Assert.DoesNotContain(without.CopyState().Optimizer, tensor => tensor.Name.StartsWith("controller", StringComparison.Ordinal));
    }

    [Fact]
    public void Two_steps_that_are_not_finite_bring_back_the_last_healthy_weights_with_lower_rates()
    {
        var preset = Small(
            "controller.window=2", "controller.every=1", "controller.warmup=0", "controller.signRate=0", "controller.diversity=0", "controller.gradientGrowth=0", "controller.rollBacks=1");
        using var replica = Create(preset);
        TrainingRig.Run(replica, preset, 0, 2);
        var good = replica.WeightsSha256();
        TrainingRig.Run(replica, preset, 2, 3);
        Assert.NotEqual(good, replica.WeightsSha256());

        Assert.Null(Break(replica, 3).Control!.Event);
        var report = Break(replica, 4);

        Assert.Equal((ControllerEventKind.RollBack, 5L), (report.Control!.Event!.Kind, report.Control.Event.Step));
        Assert.Equal(good, replica.WeightsSha256());
        Assert.Equal((0.25, 0.25, 5L), (replica.Knobs!.DiscriminatorRate, replica.Knobs.GeneratorRate, replica.NextStep));
        Assert.True(TrainingRig.Step(replica, preset, 5).Generator.Finite);
        Break(replica, 6);
        report = Break(replica, 7);
        Assert.Equal((ControllerEventKind.Stop, true), (report.Control!.Event!.Kind, report.StopRequested));
        Assert.Equal(good, replica.WeightsSha256());
    }

    [Fact]
    public void Tensors_alive_stay_as_many_while_the_controller_acts()
    {
        var preset = Small([.. Restless, "controller.rollBacks=100"]);
        using var replica = Create(preset);
        TrainingRig.Run(replica, preset, 0, 6);
        var before = Replica.LiveTensors;
        TrainingRig.Run(replica, preset, 6, 9);
        Assert.Equal(before, Replica.LiveTensors);
    }

    [Fact]
    public void Diversity_is_half_the_mean_squared_distance_of_two_images_of_a_class()
    {
        using var scope = NewDisposeScope();
        var features = rand(12, 5, dtype: ScalarType.Float64);
        var values = TensorBytes.Elements<double>(features).ToArray();
        var (sum, pairs) = (0.0, 0);
        for (var (i, j) = (0, 1); i < 11; (i, j) = j < 11 ? (i, j + 1) : (i + 1, i + 2))
        {
            sum += Enumerable.Range(0, 5).Sum(d => Math.Pow(values[i * 5 + d] - values[j * 5 + d], 2)) / 5;
            pairs++;
        }

        var (scatter, freedom) = ClassSpread.Of(features, zeros(12, dtype: ScalarType.Int64), classes: 1);
        Assert.Equal(11, freedom);
        Assert.Equal(sum / pairs / 2, scatter / freedom, 12);

        // Within classes alone: what lies between them does not count, nor does a class of one image.
        var labels = tensor(new long[] { 0, 0, 0, 2, 2, 2, 2, 3, 3, 3, 3, 4 });
        var apart = features.add(labels.to(ScalarType.Float64).mul(100).unsqueeze(1));
        var (within, left) = ClassSpread.Of(apart, labels, classes: 5);
        Assert.Equal(8, left);
        Assert.Equal(new[] { (0, 3), (3, 4), (7, 4), (11, 1) }.Sum(part => ClassSpread.Of(features.narrow(0, part.Item1, part.Item2), zeros(part.Item2, dtype: ScalarType.Int64), 1).Scatter), within, 9);
        Assert.Equal((0, 11), (ClassSpread.Of(ones(12, 5, dtype: ScalarType.Float64), zeros(12, dtype: ScalarType.Int64), 1)));
    }

    [Fact]
    public void The_gradient_s_norm_is_the_root_of_its_squares()
    {
        float[] values = [.. Enumerable.Range(0, 1_003).Select(index => (float)Math.Sin(index))];
        Assert.Equal(values.Sum(value => (double)value * value), GradientNorm.Squared(MemoryMarshal.AsBytes<float>(values), ScalarType.Float32), 9);
        Assert.Equal(25, GradientNorm.Squared(MemoryMarshal.AsBytes<double>([3, 4]), ScalarType.Float64));
    }

    [Theory]
    [InlineData("controller.window=-1")]
    [InlineData("controller.diversity=1")]
    [InlineData("controller.signRate=1.5")]
    [InlineData("controller.rateFactor=1")]
    [InlineData("controller.nonFinite=3")]
    [InlineData("controller.hysteresis=0.5")]
    [InlineData("controller.gradientGrowth=1")]
    [InlineData("controller.augment=0.5")]
    [InlineData("controller.window=4", "controller.every")]
    [InlineData("controller.window=10 discriminator.minibatchKernels=5", "controller.r1")]
    [InlineData("controller.window=10 controller.gradientGrowth=4 controller.hysteresis=5", "controller.gradientGrowth")]
    [InlineData("controller.window=10 controller.signRate=0 controller.diversity=0 controller.classes=0 controller.gradientGrowth=0 controller.nonFinite=0", "every signal is left unwatched")]
    public void A_setting_that_cannot_be_is_refused_by_its_name(string settings, string? named = null)
    {
        var error = Assert.Throws<PresetException>(() => Preset.Load("cgan-32", settings.Split(' ')));
        Assert.Contains(named ?? settings[..settings.IndexOf('=', StringComparison.Ordinal)], error.Message, StringComparison.Ordinal);
    }

    /// <summary>A step whose sums are not numbers.</summary>
    private static PhaseReport Break(Replica replica, long step)
    {
        PhaseReport report = null!;
        foreach (var phase in Phases)
        {
            if (phase == Phase.Discriminator)
                replica.BeginStep(step);
            var sum = new byte[replica.Elements(phase) * replica.ElementSize];
            MemoryMarshal.Cast<byte, float>(sum.AsSpan()).Fill(float.NaN);
            report = replica.Apply(phase, step, sum);
        }

        return report;
    }

    private static Preset Small(params string[] settings) => TrainingRig.Small(settings);

    private static Replica Create(Preset preset) => new(preset, Various(preset), TrainingRig.Seed, "cpu", threads: 1);

    /// <summary>Images of one grey each, any grey in any class: an untrained generator's images are less diverse.</summary>
    private static ImagePack Various(Preset preset)
    {
        const int count = 60, classes = 3;
        var random = new CounterRandom(seed: 78, step: 0, shard: 0, RandomPurpose.Split);
        byte[] greys = [.. Enumerable.Range(0, count).Select(_ => (byte)(255 * random.NextInt(2)))];
        return new ImagePack(
            preset.Channels, preset.Size, preset.Size, ["a", "b", "c"], [.. Enumerable.Range(0, count).Select(index => index % classes)],
            [.. greys.SelectMany(grey => Enumerable.Repeat(grey, preset.Channels * preset.Size * preset.Size))]);
    }
}
