using Ganymede.Datasets;
using Ganymede.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Ganymede.Tests;

/// <summary>Penalties against their formulas: by hand for a D whose gradient is known, by finite differences for one of convolutions.</summary>
public sealed class RegularizerTests
{
    private const double Step = 1e-5;

    [Fact]
    public void Penalties_of_a_quadratic_D_are_those_computed_by_hand_and_so_are_their_derivatives()
    {
        using var scope = NewDisposeScope();
        double[][] images = [[1, 2], [-3, 0.5], [0.2, -0.4]];
        var (x, a) = (tensor(images.SelectMany(row => row).ToArray()).view(3, 1, 1, 2).requires_grad_(), tensor(new[] { 0.7, -1.3 }).requires_grad_());
        var logits = (a.view(1, 1, 1, 2) * x * x).flatten(1).sum(1); // D(x) = a . x^2, so its gradient is 2 a x

        var zeroCentered = ZeroCenteredPenalty.Of(logits, x, gamma: 6);
        var oneCentered = InputGradient.OneCentered(logits, x, weight: 10);
        var slope = autograd.grad([zeroCentered], [a], retain_graph: true)[0].data<double>().ToArray();
        var otherSlope = autograd.grad([oneCentered], [a])[0].data<double>().ToArray();

        var lengths = images.Select(row => Math.Sqrt(4 * 0.49 * row[0] * row[0] + 4 * 1.69 * row[1] * row[1])).ToArray();
        Assert.Equal(3 * lengths.Average(length => length * length), zeroCentered.item<double>(), tolerance: 1e-12);
        Assert.Equal(10 * lengths.Average(length => (length - 1) * (length - 1)), oneCentered.item<double>(), tolerance: 1e-12);
        Assert.Equal(3 * images.Average(row => 8 * 0.7 * row[0] * row[0]), slope[0], tolerance: 1e-12);
        Assert.Equal(10 * images.Zip(lengths).Average(p => 2 * (p.Second - 1) / p.Second * 4 * -1.3 * p.First[1] * p.First[1]), otherSlope[1], tolerance: 1e-12);
    }

    [Fact]
    public void A_D_without_slope_has_a_finite_penalty_and_derivative()
    {
        using var scope = NewDisposeScope();
        var (x, a) = (ones([2, 1, 1, 2], dtype: ScalarType.Float64).requires_grad_(), zeros(2, dtype: ScalarType.Float64).requires_grad_());
        var penalty = InputGradient.OneCentered((a.view(1, 1, 1, 2) * x).flatten(1).sum(1), x, weight: 10);
        penalty.backward();
        Assert.Equal(10, penalty.item<double>(), tolerance: 1e-9);
        Assert.True(a.grad!.isfinite().all().item<bool>());
    }

    [Theory]
    [InlineData(DiscriminatorArchitecture.Projection, NormKind.None, Conditioning.Projection)]
    [InlineData(DiscriminatorArchitecture.Dcgan, NormKind.Layer, Conditioning.Concatenation)]
    [InlineData(DiscriminatorArchitecture.Residual, NormKind.None, Conditioning.Auxiliary)]
    [InlineData(DiscriminatorArchitecture.Residual, NormKind.VirtualBatch, Conditioning.Projection)]
    public void The_derivative_of_a_penalty_by_each_weight_is_what_finite_differences_say(
        DiscriminatorArchitecture architecture, NormKind norm, Conditioning conditioning)
    {
        using var scope = NewDisposeScope();
        var preset = TrainingRig.Small("precision=float64", "technique.referenceBatch=2") with
        {
            Discriminator = new(architecture, 8, norm, SpectralNorm: norm == NormKind.None, conditioning, MinibatchKernels: 0, InitialWeights.He),
        };
        using var network = NetworkFactory.CreateDiscriminator(preset, 3, seed: 5);
        manual_seed(2);
        network.Reference?.Set(randn(2, 1, 16, 16, dtype: ScalarType.Float64), tensor(new long[] { 0, 1 }));
        foreach (var layer in Initialization.SpectralLayers(network))
            layer.Spectral!.BeginStep(layer.Weight);
        var (images, labels) = (randn(3, 1, 16, 16, dtype: ScalarType.Float64), tensor(new long[] { 0, 2, 1 }));

        Tensor Penalty()
        {
            var x = images.clone().requires_grad_(true);
            var logits = network.forward(x, labels);
            return ZeroCenteredPenalty.Of(logits, x, gamma: 2).Plus(InputGradient.OneCentered(logits, x, weight: 10));
        }

        network.zero_grad();
        Penalty().backward();
        foreach (var (name, parameter) in network.named_parameters().Where(p => p.parameter.dim() > 1))
        {
            var (flat, at) = (parameter.detach(), (int)parameter.numel() / 2); // the parameter's own memory
            var middle = TensorBytes.Elements<double>(flat)[at];
            double Shifted(double by)
            {
                TensorBytes.Elements<double>(flat)[at] = middle + by;
                var value = Penalty().item<double>();
                TensorBytes.Elements<double>(flat)[at] = middle;
                return value;
            }

            var expected = (Shifted(Step) - Shifted(-Step)) / (2 * Step);
            var actual = parameter.grad is { } grad ? grad.view(-1)[at].item<double>() : 0; // a class nobody has
            Assert.True(Math.Abs(expected - actual) <= 1e-4 * Math.Max(1, Math.Abs(expected)), $"{name}: {actual} and not {expected}");
        }
    }

    [Fact]
    public void Points_between_and_around_images_are_those_of_the_formulas()
    {
        using var scope = NewDisposeScope();
        manual_seed(3);
        var (real, fake) = (randn(4, 1, 2, 2, dtype: ScalarType.Float64), randn(4, 1, 2, 2, dtype: ScalarType.Float64));
        CounterRandom Stream() => new(1, 2, 3, RandomPurpose.Interpolation);

        var between = GradientPenalty.Points(real, fake, Stream());
        var around = Dragan.Points(real, Stream());

        var random = Stream();
        var parts = Enumerable.Range(0, 16).Select(_ => random.NextDouble()).ToArray();
        var part = tensor(parts[..4]).view(4, 1, 1, 1);
        Assert.True(between.allclose(part * real + (1 - part) * fake, 1e-12, 1e-12));
        Assert.True(around.allclose(real + 0.5 * real.std() * tensor(parts).view(4, 1, 2, 2), 1e-12, 1e-12));
        Assert.True(between.requires_grad && around.requires_grad);
    }

    [Fact]
    public void Clipped_weights_stay_within_the_limit()
    {
        var preset = TrainingRig.Small("loss=wasserstein", "regularizer.clip=0.01", "criticSteps=2", "discriminator.spectralNorm=false");
        using var replica = new Replica(preset, TrainingRig.PackFor(preset), TrainingRig.Seed, "cpu", threads: 1);
        TrainingRig.Run(replica, preset, 0, 2);
        var values = replica.NamedParameters().Where(p => p.Name.StartsWith("discriminator", StringComparison.Ordinal)).SelectMany(p => p.Value.data<float>().ToArray()).ToArray();
        Assert.Equal(0.01f, values.Max());
        Assert.Equal(-0.01f, values.Min());
    }

    [Fact]
    public void Historical_averaging_pulls_towards_the_mean_of_all_weights_so_far()
    {
        using var network = new Dense(2, 1, ScalarType.Float64, hasBias: false);
        using var flat = new FlatBuffer(network);
        using var history = new HistoricalAverage(flat, weight: 0.5);
        double[][] path = [[1, 2], [3, -2], [8, 3]];
        foreach (var (before, weights) in path.Index())
        {
            using var constant = no_grad();
            network.Weight.copy_(tensor(weights).view(1, 2));
            history.Follow(before + 1);
        }

        flat.ZeroGradients();
        history.AddGradient(shards: 4, path.Length);

        // 2 lambda (theta - mean) V
        Assert.Equal([4 * (8 - 4.0), 4 * (3 - 1.0)], network.Weight.grad!.data<double>().ToArray(), (a, b) => Math.Abs(a - b) < 1e-12);
    }
}
