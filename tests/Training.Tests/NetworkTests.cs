using Ganymede.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Ganymede.Tests;

public sealed class NetworkTests
{
    [Fact]
    public void Upsample_convolution_is_doubling_and_a_3x3_convolution_forwards_and_backwards()
    {
        using var scope = NewDisposeScope();
        using var layer = new UpsampleConvolution(3, 5, ScalarType.Float64);
        manual_seed(3);
        var (weight, bias) = (layer.get_parameter("weight")!, layer.get_parameter("bias")!);
        using (no_grad())
        {
            weight.copy_(randn(weight.shape));
            bias.copy_(randn(bias.shape));
        }

        var input = randn([2, 3, 4, 6], dtype: ScalarType.Float64);
        var (one, other) = (input.clone().requires_grad_(true), input.clone().requires_grad_(true));
        var reference = nn.Parameter(weight.detach().clone());
        var expected = nn.functional.conv2d(nn.functional.upsample_nearest2d(other, [8, 12]), reference, bias.detach(), [1, 1], [1, 1], [1, 1]);
        var actual = layer.forward(one);
        var score = randn(expected.shape, dtype: ScalarType.Float64);

        (actual * score).sum().backward();
        (expected * score).sum().backward();

        Assert.True(actual.allclose(expected, 1e-12, 1e-12));
        Assert.True(one.grad!.allclose(other.grad!, 1e-12, 1e-12));
        Assert.True(weight.grad!.allclose(reference.grad!, 1e-12, 1e-12));
    }

    [Fact]
    public void The_article_networks_have_the_article_s_numbers_of_parameters()
    {
        using var generator = new TransposedGenerator(64, 3, width: 512, noise: 100, NormKind.Batch, classes: null, ScalarType.Float32, isArticles: true);
        using var discriminator = new ArticleDiscriminator(64, 3, width: 1024, NormKind.Batch, new HeadSettings(null), ScalarType.Float32);

        Assert.Equal(3.59, Millions(generator), tolerance: 0.005);
        Assert.Equal(13.29, Millions(discriminator), tolerance: 0.005);
    }

    [Theory]
    [InlineData(16, NormKind.ConditionalBatch)]
    [InlineData(32, NormKind.Batch)]
    [InlineData(64, NormKind.None)]
    public void An_upsampling_generator_and_a_projection_discriminator_fit_together_at_every_size(int size, NormKind norm)
    {
        using var scope = NewDisposeScope();
        using var generator = new UpsampleGenerator(size, 3, width: 32, noise: 7, norm, classes: 5, ScalarType.Float64);
        using var discriminator = new StridedDiscriminator(size, 3, 8, NormKind.Batch, new HeadSettings(5), ScalarType.Float64);
        Initialization.Apply(generator, InitialWeights.He, seed: 1, Initialization.Generator);
        Initialization.Apply(discriminator, InitialWeights.He, seed: 1, Initialization.Discriminator);
        var labels = tensor(new long[] { 0, 4, 2 });

        var images = generator.forward(randn(3, 7, dtype: ScalarType.Float64), labels);

        Assert.Equal([3, 3, size, size], images.shape);
        Assert.Equal([3], discriminator.forward(images, labels).shape);
    }

    [Theory]
    [InlineData(NormKind.ConditionalBatch)]
    [InlineData(NormKind.Batch)]
    [InlineData(NormKind.None)]
    public void A_conditional_generator_can_learn_another_image_for_another_class(NormKind norm)
    {
        using var scope = NewDisposeScope();
        using var generator = new UpsampleGenerator(16, 1, width: 16, noise: 4, norm, classes: 3, ScalarType.Float64);
        Initialization.Apply(generator, InitialWeights.He, seed: 1, Initialization.Generator);
        var noise = randn(2, 4, dtype: ScalarType.Float64);
        foreach (var (name, parameter) in generator.named_parameters())
        {
            if (name.EndsWith("gain", StringComparison.Ordinal))
            {
                using var constant = no_grad();
                parameter.add_(arange(parameter.numel(), dtype: ScalarType.Float64).view(parameter.shape));
            }
        }

        var first = generator.forward(noise, tensor(new long[] { 0, 0 }));
        var second = generator.forward(noise, tensor(new long[] { 2, 2 }));

        Assert.True((first - second).abs().max().item<double>() > 1e-3);
    }

    [Fact]
    public void State_names_are_stable_because_checkpoints_depend_on_them()
    {
        using var generator = new UpsampleGenerator(32, 1, 16, 4, NormKind.ConditionalBatch, 3, ScalarType.Float32);
        using var discriminator = new StridedDiscriminator(16, 1, 8, NormKind.None, new HeadSettings(3, SpectralNorm: true), ScalarType.Float32);

        Assert.Equal(
            ["project.weight", "project.bias", "projectNorm.gain", "projectNorm.bias",
             "stages.0.conv.weight", "stages.0.norm.gain", "stages.0.norm.bias",
             "stages.1.conv.weight", "stages.1.norm.gain", "stages.1.norm.bias", "narrow.weight", "narrow.bias", "image.weight", "image.bias",
             "projectNorm.running_mean", "projectNorm.running_var", "stages.0.norm.running_mean", "stages.0.norm.running_var",
             "stages.1.norm.running_mean", "stages.1.norm.running_var"],
            generator.state_dict().Keys);
        Assert.Equal(
            ["stages.0.conv.weight", "stages.0.conv.bias", "stages.1.conv.weight", "stages.1.conv.bias", "realness.weight", "realness.bias", "classes.weight",
             "stages.0.conv.spectral.u", "stages.1.conv.spectral.u", "realness.spectral.u", "classes.spectral.u"],
            discriminator.state_dict().Keys);
    }

    [Fact]
    public void Initial_weights_depend_on_the_seed_and_on_nothing_else()
    {
        Assert.Equal(Drawn(seed: 3, torchSeed: 1), Drawn(seed: 3, torchSeed: 2));
        Assert.NotEqual(Drawn(seed: 3, torchSeed: 1), Drawn(seed: 4, torchSeed: 1));
    }

    [Fact]
    public void Initial_weights_have_the_deviation_of_their_distribution()
    {
        using var scope = NewDisposeScope();
        using var network = new ArticleDiscriminator(32, 3, 256, NormKind.Batch, new HeadSettings(null), ScalarType.Float64);

        Initialization.Apply(network, InitialWeights.Dcgan, seed: 5, Initialization.Discriminator);
        Assert.Equal(0.02, network.state_dict()["hidden.0.weight"].std().item<double>(), tolerance: 1e-4);

        Initialization.Apply(network, InitialWeights.He, seed: 5, Initialization.Discriminator);
        Assert.Equal(Math.Sqrt(2.0 / 3072), network.state_dict()["hidden.0.weight"].std().item<double>(), tolerance: 1e-4);
    }

    [Fact]
    public void A_forward_pass_leaves_one_tensor_alive()
    {
        using var generator = new UpsampleGenerator(16, 1, 16, 4, NormKind.ConditionalBatch, 3, ScalarType.Float32);
        using var discriminator = new StridedDiscriminator(16, 1, 8, NormKind.None, new HeadSettings(3, SpectralNorm: true), ScalarType.Float32);
        Initialization.Apply(discriminator, InitialWeights.He, seed: 1, Initialization.Discriminator);
        using var noise = randn(2, 4);
        using var labels = tensor(new long[] { 0, 2 });
        generator.forward(noise, labels).Dispose(); // The scratch for statistics nobody reads is made once.
        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;

        using var images = generator.forward(noise, labels);
        using var logits = discriminator.forward(images, labels);

        Assert.Equal(before + 2, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }

    private static double Millions(nn.Module module) => module.parameters().Sum(parameter => parameter.numel()) / 1e6;

    private static float[] Drawn(ulong seed, int torchSeed)
    {
        manual_seed(torchSeed);
        using var scope = NewDisposeScope();
        using var network = new StridedDiscriminator(16, 1, 8, NormKind.None, new HeadSettings(3, SpectralNorm: true), ScalarType.Float32);
        Initialization.Apply(network, InitialWeights.He, seed, Initialization.Discriminator);
        return [.. network.state_dict().Values.SelectMany(value => value.data<float>().ToArray())];
    }
}
