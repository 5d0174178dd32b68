using CsCheck;
using Ganymede.Datasets;

namespace Ganymede.Tests;

public sealed class ResamplerTests
{
    [Fact]
    public void An_image_of_the_wanted_size_stays_as_it_is() =>
        Gen.Select(Gen.Int[1, 20], Gen.Bool).SelectMany((size, colour) =>
            Gen.Byte.Array[size * size * (colour ? 3 : 1)].Select(samples => (size, colour ? 3 : 1, samples))).Sample((size, channels, samples) =>
        {
            var target = Resample(samples, size, size, channels, size, channels);

            for (var i = 0; i < size * size; i++)
            {
                for (var c = 0; c < channels; c++)
                {
                    Assert.Equal(samples[i * channels + c], target[c * size * size + i]);
                }
            }
        });

    [Fact]
    public void A_plain_image_stays_plain_at_any_size() =>
        Gen.Select(Gen.Int[1, 50], Gen.Int[1, 50], Gen.Int[1, 40], Gen.Byte).Sample((width, height, size, value) =>
        {
            var samples = Enumerable.Repeat(value, width * height).ToArray();

            Assert.All(Resample(samples, width, height, 1, size, 1), v => Assert.Equal(value, v));
        });

    [Theory]
    [InlineData(28, 32)]
    [InlineData(28, 64)]
    [InlineData(64, 32)]
    [InlineData(100, 32)]
    public void A_ramp_stays_a_ramp_away_from_the_border(int side, int size)
    {
        byte[] samples = [.. from y in Enumerable.Range(0, side) from x in Enumerable.Range(0, side) select (byte)(x + y)];
        var target = Resample(samples, side, side, 1, size, 1);

        var scale = (double)side / size;
        var margin = (int)Math.Ceiling(2 * Math.Max(1, 1 / scale)) + 1;
        for (var y = margin; y < size - margin; y++)
        {
            for (var x = margin; x < size - margin; x++)
            {
                Assert.Equal((x + 0.5) * scale + (y + 0.5) * scale - 1, target[y * size + x], 0.51);
            }
        }
    }

    [Fact]
    public void Shrinking_averages_rather_than_picks()
    {
        byte[] checkers = [.. from y in Enumerable.Range(0, 64) from x in Enumerable.Range(0, 64) select (byte)((x + y) % 2 * 255)];

        Assert.All(Resample(checkers, 64, 64, 1, 16, 1), v => Assert.InRange(v, 120, 135));
    }

    [Fact]
    public void The_middle_square_of_a_wide_or_tall_image_is_kept()
    {
        byte[] wide = [.. from y in Enumerable.Range(0, 10) from x in Enumerable.Range(0, 40) select (byte)(x is >= 15 and < 25 ? 200 : 0)];
        byte[] tall = [.. from y in Enumerable.Range(0, 40) from x in Enumerable.Range(0, 10) select (byte)(y is >= 15 and < 25 ? 200 : 0)];

        Assert.All(Resample(wide, 40, 10, 1, 10, 1), v => Assert.Equal(200, v));
        Assert.All(Resample(tall, 10, 40, 1, 10, 1), v => Assert.Equal(200, v));
    }

    [Fact]
    public void Grey_is_repeated_for_colour_and_colour_becomes_luminance()
    {
        Assert.Equal([77, 77, 77], Resample([77], 1, 1, 1, 1, 3));
        Assert.Equal([76], Resample([255, 0, 0], 1, 1, 3, 1, 1));
        Assert.Equal([150], Resample([0, 255, 0], 1, 1, 3, 1, 1));
        Assert.Equal([29], Resample([0, 0, 255], 1, 1, 3, 1, 1));
        Assert.Equal([255], Resample([255, 255, 255], 1, 1, 3, 1, 1));
    }

    private static byte[] Resample(byte[] samples, int width, int height, int samplesPerPixel, int size, int channels)
    {
        var target = new byte[channels * size * size];
        new Resampler(size, channels).Resample(new Raster(samples, 0, width, height, samplesPerPixel), target);
        return target;
    }
}
