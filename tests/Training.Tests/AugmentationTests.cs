using Ganymede.Datasets;
using Ganymede.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Ganymede.Tests;

public sealed class AugmentationTests
{
    private static CounterRandom Stream => new(4, 5, 6, RandomPurpose.DiscriminatorColor);

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void Colours_are_shifted_by_DiffAugment_s_formulas(int channels)
    {
        using var scope = NewDisposeScope();
        manual_seed(9);
        var images = randn(2, channels, 4, 4, dtype: ScalarType.Float64);
        var shifts = new ColorShift(1).Draw(Stream, 2);

        var actual = ColorShift.Apply(images, shifts);

        for (var image = 0; image < 2; image++)
        {
            var (brightness, saturation, contrast) = shifts[image];
            var x = images[image] + brightness;
            var pixel = x.mean([0], keepdim: true);
            x = (x - pixel) * saturation + pixel;
            x = (x - x.mean()) * contrast + x.mean();
            Assert.True(x.allclose(actual[image], 1e-12, 1e-12));
            Assert.InRange(brightness, -0.5, 0.5);
            Assert.InRange(saturation, 0, 2);
            Assert.InRange(contrast, 0.5, 1.5);
        }
    }

    [Fact]
    public void A_hole_is_background_and_passes_no_gradient()
    {
        using var scope = NewDisposeScope();
        using var cutout = new Cutout(0.5, 8, [255], ScalarType.Float64, CPU);
        var images = zeros([3, 1, 8, 8], dtype: ScalarType.Float64).requires_grad_();
        (int, int)[] holes = [(2, 3), (-2, 6), Cutout.None];

        var seen = cutout.Apply(images, holes);
        seen.sum().backward();

        for (var image = 0; image < 3; image++)
        {
            for (var (y, x) = (0, 0); y < 8; (y, x) = x < 7 ? (y, x + 1) : (y + 1, 0))
            {
                var (top, left) = holes[image];
                var isHole = y >= top && y < top + 4 && x >= left && x < left + 4;
                Assert.Equal(isHole ? 1 : 0, seen[image, 0, y, x].item<double>());
                Assert.Equal(isHole ? 0 : 1, images.grad![image, 0, y, x].item<double>());
            }
        }

        Assert.All(cutout.Draw(Stream, 1_000), hole => Assert.True(hole.Top is >= -2 and <= 6 && hole.Left is >= -2 and <= 6));
    }

    [Fact]
    public void The_adaptive_probability_follows_the_sign_of_D_on_real_images()
    {
        var strength = new AdaptiveStrength(new(AdaptiveTarget: 0.6, AdaptiveImages: 640), batch: 64);
        Assert.Equal(0, strength.Probability);
        foreach (var (accuracy, expected) in new[] { (0.5, 0.0), (0.9, 0.1), (0.81, 0.2), (0.79, 0.1), (1.0, 0.2) })
        {
            strength.Follow(accuracy);
            Assert.Equal(expected, strength.Probability, tolerance: 1e-12);
        }

        for (var update = 0; update < 20; update++)
            strength.Follow(1);
        Assert.Equal(1, strength.Probability);
    }

    [Fact]
    public void Images_are_augmented_as_often_as_the_probability_says()
    {
        var preset = TrainingRig.Small("batch=4096", "shards=1", "augment.adaptiveTarget=0.6", "augment.adaptiveImages=16384", "augment.color=1", "augment.cutout=0.5");
        var data = TrainingRig.PackFor(preset);
        var strength = new AdaptiveStrength(preset.Augment, preset.Batch);
        using var augmenter = new Augmenter(preset, data, strength, ScalarType.Float32, CPU);
        var plan = new ShardPlan(preset, data, 1, CPU);
        strength.Follow(1); // to a quarter

        var gated = augmenter.Plan(plan, Phase.Discriminator, index: 3, shard: 0, part: 1);

        Assert.Equal(0.25, gated.Colors!.Count(color => color != ColorShift.None) / 4096.0, tolerance: 0.03);
        Assert.Equal(0.25, gated.Holes!.Count(hole => hole != Cutout.None) / 4096.0, tolerance: 0.03);
        Assert.Equal(0.25 * 24 / 25, gated.Shifts.Count(shift => shift != (0, 0)) / 4096.0, tolerance: 0.03);
        Assert.Equal(0.0625, gated.Colors!.Zip(gated.Holes!).Count(p => p.First != ColorShift.None && p.Second != Cutout.None) / 4096.0, tolerance: 0.02);
    }
}
