using System.Diagnostics;
using CsCheck;
using Ganymede.Training;

namespace Ganymede.Tests;

public sealed class PresetTests
{
    private static string Message(Action load) => Assert.Throws<PresetException>(load).Message;

    public static TheoryData<string> Names => [.. Preset.Names];

    [Fact]
    public void The_embedded_presets_are_found() => Assert.Equal(
        ["acgan-32", "article-64", "article-64-adam", "cgan-32", "dcgan-128", "dcgan-32", "dcgan-64", "improved-32", "r3gan-32", "semi-32", "sngan-32", "sngan-64", "wgan-32", "wgan-gp-32"],
        Preset.Names);

    [Theory, MemberData(nameof(Names))]
    public void Every_preset_loads_under_its_own_name_and_survives_canonical_JSON(string name)
    {
        var preset = Preset.Load(name, []);
        Assert.Equal(name, preset.Name);
        Assert.Equal(preset, Preset.FromJson(preset.ToJson()));
        Assert.Equal(preset.ToJson(), Preset.FromJson(preset.ToJson()).ToJson());
    }

    [Fact]
    public void The_article_preset_differs_from_its_Adam_twin_in_name_and_generator_optimizer_only()
    {
        var sgd = Preset.Load("article-64", []);
        var adam = Preset.Load("article-64-adam", []);
        Assert.Equal(OptimizerKind.Sgd, sgd.GeneratorOptimizer.Kind);
        Assert.Equal(new OptimizerSettings(OptimizerKind.Adam, 2e-4, 0.5, 0.999), sgd.DiscriminatorOptimizer);
        Assert.Equal(sgd.DiscriminatorOptimizer, adam.GeneratorOptimizer);
        Assert.Equal(sgd, adam with { Name = sgd.Name, GeneratorOptimizer = sgd.GeneratorOptimizer });
    }

    [Fact]
    public void Every_key_can_be_overridden_with_the_value_it_has()
    {
        var preset = Preset.Load("cgan-32", []);
        Assert.Equal(preset, Preset.Load("cgan-32", PresetKeys.All.Select(key => $"{key.Name}={key.ValueIn(preset)}")));
    }

    [Fact]
    public void The_last_override_of_a_key_counts()
    {
        var preset = Preset.Load("cgan-32", ["batch=128", "generator.norm=none", "precision=float64", "batch = 256"]);
        Assert.Equal(256, preset.Batch);
        Assert.Equal(NormKind.None, preset.Generator.Norm);
        Assert.Equal(Precision.Float64, preset.Precision);
    }

    [Fact]
    public void An_unknown_preset_names_the_nearest_and_lists_all()
    {
        var message = Message(() => Preset.Load("cgan32", []));
        Assert.Contains("cgan32", message);
        Assert.Contains("did you mean cgan-32?", message);
        Assert.Contains("article-64, article-64-adam, cgan-32", message);
    }

    [Theory]
    [InlineData("bacth=3", "bacth", "batch")]
    [InlineData("noise=3", "noise", "generator.noise")]
    [InlineData("discriminator.spectralnorm=true", "discriminator.spectralnorm", "discriminator.spectralNorm")]
    [InlineData("generator.with=3", "generator.with", "generator.width")]
    public void An_unknown_key_names_the_nearest(string setting, string key, string nearest) =>
        Assert.Equal($"key {key} is unknown, did you mean {nearest}?", Message(() => Preset.Load("cgan-32", [setting])));

    [Theory]
    [InlineData("batch=many", "batch is many, allowed: 1 to 65536")]
    [InlineData("batch=0", "batch is 0, allowed: 1 to 65536")]
    [InlineData("batch=1e2", "batch is 1e2, allowed: 1 to 65536")]
    [InlineData("conditional=yes", "conditional is yes, allowed: true, false")]
    [InlineData("loss=wassertein", "loss is wassertein, allowed: hinge, non-saturating, minimax, least-squares, wasserstein, relativistic")]
    [InlineData("generatorOptimizer.beta1=1", "generatorOptimizer.beta1 is 1, allowed: 0 up to but without 1")]
    [InlineData("discriminatorOptimizer.learningRate=0", "discriminatorOptimizer.learningRate is 0, allowed: above 0, up to 10")]
    [InlineData("ema=NaN", "ema is NaN, allowed: 0 up to but without 1")]
    [InlineData("precision=bfloat16", "precision is bfloat16, allowed: float32, float64")]
    [InlineData("batch", "--set batch must be key=value")]
    public void A_wrong_type_or_range_names_key_value_and_what_is_allowed(string setting, string message) =>
        Assert.Equal(message, Message(() => Preset.Load("cgan-32", [setting])));

    [Theory]
    [InlineData("batch=66", "batch 66 is not divisible by shards 4")]
    [InlineData("shards=6", "shards is 6, which is not a power of two")]
    [InlineData("batch=4", "one image a shard")]
    [InlineData("size=48", "size is 48, allowed: 16, 32, 64, 128")]
    [InlineData("channels=2", "channels is 2")]
    [InlineData("conditional=false", "needs conditional=true")]
    [InlineData("generator.width=100", "multiple of 8 for size 32")]
    [InlineData("discriminator.architecture=article", "discriminator.architecture article takes 64x64 only")]
    [InlineData("generator.architecture=article", "generator.architecture article draws 64x64 only")]
    public void Settings_that_do_not_fit_together_are_refused(string setting, string message) =>
        Assert.Contains(message, Message(() => Preset.Load("cgan-32", [setting])));

    [Theory]
    [InlineData("technique.labelSmoothing=0.1", "only loss minimax and non-saturating have")]
    [InlineData("regularizer.every=4", "no penalty is on")]
    [InlineData("regularizer.clip=0.01", "no effect under discriminator.spectralNorm")]
    [InlineData("discriminator.conditioning=semi-supervised", "conditional=false")]
    [InlineData("schedule.kind=linear", "schedule.decaySteps is 0")]
    [InlineData("schedule.decaySteps=100", "schedule.kind constant")]
    [InlineData("regularizer.R1=1", "did you mean regularizer.r1?")]
    [InlineData("criticStep=5", "did you mean criticSteps?")]
    public void Techniques_that_do_not_fit_together_are_refused(string setting, string message) =>
        Assert.Contains(message, Message(() => Preset.Load("cgan-32", [setting])));

    [Theory]
    [InlineData("regularizer.gradientPenalty")]
    [InlineData("regularizer.r1")]
    [InlineData("regularizer.r2")]
    [InlineData("regularizer.dragan")]
    public void A_penalty_of_each_image_by_itself_is_refused_with_minibatch_discrimination(string penalty)
    {
        Assert.True(Preset.Load("cgan-32", [$"{penalty}=1"]).Regularizer.DifferentiatesInputs);
        Assert.StartsWith($"{penalty} is of each image by itself, which discriminator.minibatchKernels 5 mixes", Message(() => Preset.Load("cgan-32", [$"{penalty}=1", "discriminator.minibatchKernels=5"])));
    }

    [Fact]
    public void Adaptive_strength_needs_an_augmentation_and_a_loss_with_a_zero()
    {
        Assert.Contains("no augmentation is on", Message(() => Preset.Load("dcgan-32", ["augment.adaptiveTarget=0.6"])));
        Assert.Contains("the sign of the discriminator's scores", Message(() => Preset.Load("wgan-32", ["augment.adaptiveTarget=0.6", "augment.cutout=0.5"])));
        Assert.Contains("which discriminator.norm batch mixes", Message(() => Preset.Load("dcgan-32", ["regularizer.gradientPenalty=10"])));
    }

    [Fact]
    public void Figures_are_those_of_the_networks()
    {
        var article = PresetFigures.Of(Preset.Load("article-64", []));
        Assert.Equal(3.59, article.GeneratorParameters / 1e6, tolerance: 0.005);
        Assert.Equal(13.29, article.DiscriminatorParameters / 1e6, tolerance: 0.005);

        // By hand: 16 samples a shard, G 4 -> 32x16 -> 16x16x8x8 -> 1x16x16x16, D 1x16x16 -> 8x8x8 -> 16x4x4 -> 1: 256 features.
        var small = TrainingRig.Small("generator.architecture=dcgan", "generator.norm=none", "generator.noise=4", "conditional=false", "batch=16", "shards=1");
        var drawing = 4 * 16 * 16 + 16 * 4 * 8 * 64 + 8 * 4 * 256;
        var judgement = 16 * 8 * 64 + 8 * 16 * 16 * 16 + 256;
        Assert.Equal(2e-9 * 16 * (3 * drawing + 8 * judgement), PresetFigures.Of(small).GflopPerStep, tolerance: 1e-12);
        var kernels = small with { Discriminator = small.Discriminator with { MinibatchKernels = 2 } };
        Assert.Equal(2e-9 * 16 * 8 * (256 * 10 + 2), PresetFigures.Of(kernels).GflopPerStep - PresetFigures.Of(small).GflopPerStep, tolerance: 1e-12);

        // Two reference samples go before the three of a shard, but not into the last dense layer.
        var virtualBatch = small with { Batch = 3, Technique = small.Technique with { ReferenceBatch = 2 }, Discriminator = small.Discriminator with { Norm = NormKind.VirtualBatch } };
        Assert.Equal(2e-9 * (3 * 3 * drawing + 8 * (5 * judgement - 2 * 256)), PresetFigures.Of(virtualBatch).GflopPerStep, tolerance: 1e-12);
        using var replica = new Replica(small, TrainingRig.PackFor(small), 1, "cpu", 1);
        Assert.Equal(4 * (replica.Elements(Phase.Discriminator) + replica.Elements(Phase.Generator)), PresetFigures.Of(small).GradientBytesPerStep);

        // The fastest of two steps is no slower than the call's time, first steps and networks included, allows on average.
        var start = Stopwatch.GetTimestamp();
        var rate = PresetRate.StepsPerSecond(small, steps: 2, threads: 1);
        Assert.InRange(rate, 2 / Stopwatch.GetElapsedTime(start).TotalSeconds, 100_000);
    }

    [Fact]
    public void One_image_a_shard_is_enough_without_batch_norm() =>
        Assert.Equal(1, Preset.Load("cgan-32", ["batch=4", "generator.norm=none"]).SamplesPerShard);

    [Fact]
    public void All_problems_are_reported_together()
    {
        var message = Message(() => Preset.Load("cgan-32", ["batch=-1", "loss=x", "wdith=1"]));
        Assert.Contains("batch is -1", message);
        Assert.Contains("loss is x", message);
        Assert.Contains("key wdith is unknown", message);
        Assert.DoesNotContain('\n', message);

        var rules = Message(() => Preset.Load("cgan-32", ["batch=50", "size=20"]));
        Assert.Contains("batch 50", rules);
        Assert.Contains("size is 20", rules);
    }

    [Fact]
    public void A_file_is_read_and_its_faults_name_it()
    {
        using var folder = new TemporaryFolder();
        var path = folder.File("mine.json");
        Assert.Contains(path, Message(() => Preset.Load(path, [])));

        File.WriteAllText(path, "{ // half a preset\n \"name\": \"mine\", }");
        var message = Message(() => Preset.Load(path, []));
        Assert.Contains($"{path} lacks batch", message);
        Assert.Contains($"{path} lacks generatorOptimizer.kind", message);

        var preset = Preset.Load("cgan-32", ["name=mine"]);
        File.WriteAllText(path, preset.ToJson());
        Assert.Equal(preset with { Steps = 5 }, Preset.Load(path, ["steps=5"]));
    }

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("{\"name\": \"a\", \"name\": \"b\"}")]
    [InlineData("{\"name\": \"\\ud800\"}")]
    [InlineData("{\"\\ud800\": 1}")]
    [InlineData("{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":1}}}}}}}}}")]
    public void Text_that_is_no_preset_is_refused_as_bad_input(string json) => Assert.NotEmpty(Message(() => Preset.FromJson(json)));

    [Fact]
    public void Damaged_JSON_is_either_refused_as_bad_input_or_still_a_valid_preset()
    {
        var text = Preset.Load("cgan-32", []).ToJson();
        var refused = 0;
        Gen.Select(Gen.Int[0, text.Length - 1], Gen.Int[0, 40], Gen.Char[' ', '~']).Sample((at, length, with) =>
        {
            try
            {
                var preset = Preset.FromJson(text[..at] + with + text[Math.Min(text.Length, at + length)..]);
                Assert.Equal(preset, Preset.FromJson(preset.ToJson()));
            }
            catch (PresetException)
            {
                Interlocked.Increment(ref refused);
            }
        }, iter: 2_000);
        Assert.InRange(refused, 1_000, 2_000);
    }
}
