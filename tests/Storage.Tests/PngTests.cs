using CsCheck;
using Ganymede.Storage;
using SkiaSharp;

namespace Ganymede.Tests;

public sealed class PngTests
{
    private static readonly Gen<(byte[] Chw, int Channels, int Height, int Width)> Images =
        from colour in Gen.Bool
        from height in Gen.Int[1, 20]
        from width in Gen.Int[1, 20]
        from smooth in Gen.Bool
        from noise in Gen.Byte.Array[(colour ? 3 : 1) * height * width]
        select (smooth ? [.. noise.Select((n, i) => (byte)(i * 3 + n / 128))] : noise, colour ? 3 : 1, height, width);

    [Fact]
    public void Another_decoder_reads_the_pixels_that_were_written() => Images.Sample((chw, channels, height, width) =>
    {
        using var bitmap = SKBitmap.Decode(Png.Encode(chw, channels, height, width));

        Assert.Equal((width, height), (bitmap.Width, bitmap.Height));
        for (var y = 0; y < height; y++)
        {
            for (var x = 0; x < width; x++)
            {
                var pixel = bitmap.GetPixel(x, y);
                byte[] read = [pixel.Red, pixel.Green, pixel.Blue];
                Assert.Equal(Enumerable.Range(0, 3).Select(c => chw[(c % channels * height + y) * width + x]), read);
            }
        }
    });

    [Fact]
    public void The_same_pixels_give_the_same_bytes_on_any_thread() => Images.Sample((chw, channels, height, width) =>
    {
        var alone = Png.Encode(chw, channels, height, width);
        var others = Enumerable.Range(0, 4).AsParallel().Select(_ => Png.Encode(chw, channels, height, width));

        Assert.All(others, other => Assert.Equal(alone, other));
    }, iter: 20);

    [Fact]
    public void Smooth_images_become_smaller_than_their_pixels()
    {
        byte[] ramp = [.. from c in Enumerable.Range(0, 3) from y in Enumerable.Range(0, 64) from x in Enumerable.Range(0, 64) select (byte)(x * (c + 1) + y)];

        Assert.InRange(Png.Encode(ramp, 3, 64, 64).Length, 67, ramp.Length / 10);
    }

    [Theory]
    [InlineData(2, 1, 1, 2)]
    [InlineData(1, 0, 1, 0)]
    [InlineData(1, 2, 2, 3)]
    [InlineData(3, 65536, 65536, 0)]
    public void Sizes_that_do_not_fit_are_refused(int channels, int height, int width, int bytes) =>
        Assert.Throws<ArgumentException>(() => Png.Encode(new byte[bytes], channels, height, width));
}
