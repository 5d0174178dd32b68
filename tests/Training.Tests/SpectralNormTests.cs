using Ganymede.Datasets;
using Ganymede.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Ganymede.Tests;

public sealed class SpectralNormTests
{
    [Theory]
    [InlineData(12, 5)]
    [InlineData(5, 12)]
    public void Sigma_comes_to_the_largest_singular_value(int outputs, int inputs)
    {
        using var scope = NewDisposeScope();
        manual_seed(11);
        var weight = randn(outputs, inputs, dtype: ScalarType.Float64);
        using var norm = Started(weight);

        for (var step = 0; step < 200; step++)
        {
            norm.BeginStep(weight);
            norm.EndStep();
        }

        var largest = linalg.svd(weight).S[0].item<double>();
        Assert.Equal(largest, norm.Sigma(weight).item<double>(), tolerance: 1e-9);
        Assert.Equal(1, linalg.svd(norm.forward(weight)).S[0].item<double>(), tolerance: 1e-9);
    }

    [Fact]
    public void A_convolution_s_kernel_counts_as_a_matrix_with_a_row_for_each_output()
    {
        using var scope = NewDisposeScope();
        manual_seed(11);
        var weight = randn(6, 3, 2, 2, dtype: ScalarType.Float64);
        using var norm = Started(weight);

        for (var step = 0; step < 400; step++)
        {
            norm.BeginStep(weight);
            norm.EndStep();
        }

        Assert.Equal(linalg.svd(weight.view(6, 12)).S[0].item<double>(), norm.Sigma(weight).item<double>(), tolerance: 1e-9);
    }

    [Fact]
    public void The_gradient_of_sigma_is_the_outer_product_of_its_vectors()
    {
        using var scope = NewDisposeScope();
        manual_seed(2);
        var weight = randn(4, 3, dtype: ScalarType.Float64).requires_grad_();
        using var norm = Started(weight);

        norm.Sigma(weight).backward();

        var (left, right) = (norm.Left.view(4, 1), norm.Right.view(1, 3));
        Assert.True((weight.grad! - left.matmul(right)).abs().max().item<double>() < 1e-14);
        Assert.Equal(1, left.norm().item<double>(), tolerance: 1e-12);
        Assert.Equal(1, right.norm().item<double>(), tolerance: 1e-12);
    }

    [Fact]
    public void Beginning_a_step_twice_is_beginning_it_once()
    {
        using var scope = NewDisposeScope();
        manual_seed(2);
        var weight = randn(8, 6, dtype: ScalarType.Float64);
        using var norm = Started(weight);
        var before = norm.Sigma(weight).item<double>();

        norm.BeginStep(weight);
        var once = norm.Sigma(weight).item<double>();
        norm.BeginStep(weight);

        Assert.NotEqual(before, once);
        Assert.Equal(once, norm.Sigma(weight).item<double>());
    }

    private static SpectralNorm Started(Tensor weight)
    {
        var norm = new SpectralNorm(weight.shape[0], weight.numel() / weight.shape[0], weight.dtype);
        norm.Initialize(weight, new CounterRandom(seed: 9, step: 0, shard: 0, RandomPurpose.SpectralVectors));
        return norm;
    }
}
