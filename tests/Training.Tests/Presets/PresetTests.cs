using CsCheck;
using Ganymede.Training;

namespace Ganymede.Tests;

public sealed class PresetTests
{
    private static string Message(Action load) => Assert.Throws<PresetException>(load).Message;

    public static TheoryData<string> Names => [.. Preset.Names];

    [Fact]
    public void The_embedded_presets_are_found() => Assert.Equal(["article-64", "article-64-adam", "cgan-32"], Preset.Names);

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
    [InlineData("loss=wasserstein", "loss is wasserstein, allowed: hinge, non-saturating")]
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
