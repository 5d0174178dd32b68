using Ganymede.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Ganymede.Tests;

public sealed class GhostBatchNormTests
{
    [Fact]
    public void A_training_pass_leaves_mean_and_unbiased_variance_and_no_trace_in_the_running_statistics()
    {
        using var scope = NewDisposeScope();
        manual_seed(7);
        using var norm = new BatchNorm(3, ScalarType.Float64);
        var input = randn([4, 3, 5, 5], dtype: ScalarType.Float64) * 3 + 2;
        var (mean, variance) = (zeros(3, dtype: ScalarType.Float64), zeros(3, dtype: ScalarType.Float64));
        norm.Ghost.RecordInto(mean, variance);

        var output = norm.forward(input, empty(0));

        for (var feature = 0; feature < 3; feature++)
        {
            var values = input[TensorIndex.Colon, feature].contiguous().data<double>().ToArray();
            var average = values.Average();
            var squares = values.Sum(value => (value - average) * (value - average));
            Assert.Equal(average, mean[feature].item<double>(), tolerance: 1e-12);
            Assert.Equal(squares / (values.Length - 1), variance[feature].item<double>(), tolerance: 1e-12);
            Assert.Equal(
                (values[0] - average) / Math.Sqrt(squares / values.Length + 1e-5), output[0, feature, 0, 0].item<double>(), tolerance: 1e-12);
        }

        Assert.Equal(new double[3], norm.RunningMean.data<double>().ToArray());
        Assert.Equal([1, 1, 1], norm.RunningVariance.data<double>().ToArray());
    }

    [Fact]
    public void Evaluation_uses_the_running_statistics()
    {
        using var scope = NewDisposeScope();
        using var norm = new BatchNorm(1, ScalarType.Float64);
        norm.RunningMean.fill_(2);
        norm.RunningVariance.fill_(4);
        norm.eval();

        var output = norm.forward(full([1, 1], 6.0, dtype: ScalarType.Float64), empty(0));

        Assert.Equal(4 / Math.Sqrt(4 + 1e-5), output.item<double>(), tolerance: 1e-12);
        Assert.Equal(2, norm.RunningMean.item<double>());
    }

    [Fact]
    public void A_conditional_one_scales_and_shifts_each_image_by_its_class()
    {
        using var scope = NewDisposeScope();
        manual_seed(7);
        using var plain = new BatchNorm(2, ScalarType.Float64);
        using var conditional = new ConditionalBatchNorm(2, classes: 3, ScalarType.Float64);
        var (gain, bias) = (conditional.get_parameter("gain")!, conditional.get_parameter("bias")!);
        using (no_grad())
        {
            gain.copy_(randn(3, 2, dtype: ScalarType.Float64));
            bias.copy_(randn(3, 2, dtype: ScalarType.Float64));
        }

        var input = randn([3, 2, 4, 4], dtype: ScalarType.Float64);
        long[] labels = [2, 0, 2];
        var normal = plain.forward(input, empty(0));

        var output = conditional.forward(input, tensor(labels));

        for (var image = 0; image < labels.Length; image++)
            for (var feature = 0; feature < 2; feature++)
            {
                var expected = (normal[image, feature] * gain[labels[image], feature]).Plus(bias[labels[image], feature]);
                Assert.True(expected.Minus(output[image, feature]).abs().max().item<double>() < 1e-12);
            }
    }
}
