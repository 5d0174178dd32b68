using Ganymede.Datasets;
using Ganymede.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Ganymede.Tests;

public sealed class TranslationTests
{
    private const int Size = 8;
    private static readonly byte[] Background = [10, 200];
    private static readonly (int Down, int Right)[] Shifts = [(0, 0), (2, -1), (-2, 2), (1, 0)];

    [Fact]
    public void Moves_each_image_by_its_own_shift_and_fills_with_the_background()
    {
        using var scope = NewDisposeScope();
        using var translation = Create();
        var images = Images();

        var moved = translation.Apply(images, Shifts);

        for (var image = 0; image < Shifts.Length; image++)
            for (var channel = 0; channel < Background.Length; channel++)
                for (var y = 0; y < Size; y++)
                    for (var x = 0; x < Size; x++)
                    {
                        var (fromY, fromX) = (y - Shifts[image].Down, x - Shifts[image].Right);
                        var expected = fromY is >= 0 and < Size && fromX is >= 0 and < Size
                            ? images[image, channel, fromY, fromX].item<double>()
                            : Background[channel] / 127.5 - 1;
                        Assert.Equal(expected, moved[image, channel, y, x].item<double>());
                    }
    }

    [Fact]
    public void Its_gradient_is_that_of_finite_differences()
    {
        using var scope = NewDisposeScope();
        using var translation = Create();
        var images = Images().requires_grad_();
        manual_seed(4);
        var weights = randn(images.shape, dtype: ScalarType.Float64);
        Tensor Score(Tensor at) => (translation.Apply(at, Shifts).Squared() * weights).sum();

        Score(images).backward();

        const double Step = 1e-5;
        var gradient = images.grad!.flatten();
        for (var index = 0; index < images.numel(); index += 7)
        {
            var offset = new double[images.numel()];
            offset[index] = Step;
            var nudge = tensor(offset).view(images.shape);
            var slope = (Score(images.detach().Plus(nudge)).item<double>() - Score(images.detach().Minus(nudge)).item<double>()) / (2 * Step);
            Assert.Equal(slope, gradient[index].item<double>(), tolerance: 1e-8);
        }
    }

    [Fact]
    public void Shifts_cover_the_whole_reach_and_repeat_for_the_same_stream()
    {
        using var translation = Create();
        Assert.Equal(2, translation.Reach);

        var shifts = translation.Draw(Stream(), 500);

        Assert.Equal(25, shifts.Distinct().Count());
        Assert.All(shifts, shift => Assert.True(Math.Abs(shift.Down) <= 2 && Math.Abs(shift.Right) <= 2));
        Assert.Equal(shifts, translation.Draw(Stream(), 500));
    }

    [Fact]
    public void A_ratio_of_zero_leaves_images_as_they_are()
    {
        using var scope = NewDisposeScope();
        using var translation = new Translation(0, Size, Background, ScalarType.Float64, CPU);
        var images = Images();

        Assert.True(translation.Apply(images, translation.Draw(Stream(), 4)).equal(images).all().item<bool>());
    }

    private static Translation Create() => new(0.25, Size, Background, ScalarType.Float64, CPU);

    private static CounterRandom Stream() => new(seed: 1, step: 2, shard: 3, RandomPurpose.DiscriminatorAugment);

    private static Tensor Images()
    {
        manual_seed(3);
        return randn([Shifts.Length, Background.Length, Size, Size], dtype: ScalarType.Float64);
    }
}
