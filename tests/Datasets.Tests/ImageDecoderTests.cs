using CsCheck;
using Ganymede.Datasets;

namespace Ganymede.Tests;

public sealed class ImageDecoderTests
{
    [Fact]
    public void Grey_images_have_three_equal_values() =>
        Assert.Equal([10, 10, 10, 200, 200, 200], Rgb(TestImages.Png(2, 1, TestImages.Grey, [10, 200])));

    [Fact]
    public void Colour_images_keep_their_values() =>
        Assert.Equal([1, 2, 3, 250, 128, 0], Rgb(TestImages.Png(2, 1, TestImages.Rgb, [1, 2, 3, 250, 128, 0])));

    [Fact]
    public void Palette_images_have_their_palettes_colours() =>
        Assert.Equal([9, 8, 7, 1, 2, 3], Rgb(TestImages.Png(2, 1, TestImages.Palette, [1, 0], palette: [1, 2, 3, 9, 8, 7])));

    [Fact]
    public void Sixteen_bits_become_eight() =>
        Assert.Equal([0xAB, 0xAB, 0xAB], Rgb(TestImages.Png(1, 1, TestImages.Grey, [0xAB, 0xAB], bits: 16)));

    [Fact]
    public void One_bit_becomes_black_and_white() =>
        Assert.Equal([255, 255, 255, 0, 0, 0], Rgb(TestImages.Png(2, 1, TestImages.Grey, [0b10000000], bits: 1)));

    [Fact]
    public void Transparency_is_laid_on_white()
    {
        Assert.Equal([255, 255, 255, 0, 0, 0, 127, 127, 127],
            Rgb(TestImages.Png(3, 1, TestImages.Rgba, [9, 9, 9, 0, 0, 0, 0, 255, 0, 0, 0, 128])));
        Assert.Equal([255, 255, 255], Rgb(TestImages.Png(1, 1, TestImages.GreyAlpha, [0, 0])));
        Assert.Equal([255, 255, 255, 5, 5, 5],
            Rgb(TestImages.Png(2, 1, TestImages.Palette, [0, 1], palette: [1, 2, 3, 5, 5, 5], transparency: [0])));
    }

    [Fact]
    public void Jpeg_images_are_read()
    {
        var image = ImageDecoder.Decode(TestImages.Jpeg(16, 8, (_, _) => (200, 100, 50)));

        Assert.Equal((16, 8, 3), (image.Width, image.Height, image.SamplesPerPixel));
        byte[] colour = [200, 100, 50];
        for (var i = 0; i < image.Samples.Length; i++)
        {
            Assert.Equal(colour[i % 3], image.Samples[i], 3.0);
        }
    }

    // Seen upright, the picture is white in the quarter that is stored top left. Exif 2.3, tag 0x0112: where the stored
    // first row and column are to be shown.
    [Theory]
    [InlineData(1, 0, 0)]
    [InlineData(2, 1, 0)]
    [InlineData(3, 1, 1)]
    [InlineData(4, 0, 1)]
    [InlineData(5, 0, 0)]
    [InlineData(6, 1, 0)]
    [InlineData(7, 1, 1)]
    [InlineData(8, 0, 1)]
    public void Pictures_are_turned_as_their_Exif_orientation_says(byte orientation, int whiteX, int whiteY)
    {
        var image = ImageDecoder.Decode(TestImages.Jpeg(64, 32, (x, y) => x < 32 && y < 16 ? ((byte)255, (byte)255, (byte)255) : default, orientation));

        Assert.Equal(orientation >= 5 ? (32, 64) : (64, 32), (image.Width, image.Height));
        for (var quarter = 0; quarter < 4; quarter++)
        {
            var (qx, qy) = (quarter % 2, quarter / 2);
            var value = image.Row(image.Height / 4 + qy * image.Height / 2)[(image.Width / 4 + qx * image.Width / 2) * 3];
            Assert.Equal((qx, qy) == (whiteX, whiteY) ? 255 : 0, value, 5.0);
        }
    }

    [Fact]
    public void An_image_that_declares_billions_of_pixels_is_refused_before_it_is_decoded()
    {
        var bomb = TestImages.Png(60_000, 60_000, TestImages.Grey, new byte[60_000]);
        var before = GC.GetAllocatedBytesForCurrentThread();

        var error = Assert.Throws<UnreadableImageException>(() => ImageDecoder.Decode(bomb));

        Assert.Contains("60000 x 60000", error.Message, StringComparison.Ordinal);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
    }

    [Fact]
    public void Truncated_and_foreign_files_are_refused_with_the_reason()
    {
        var noise = new byte[64 * 64 * 3];
        new Random(1).NextBytes(noise);
        var png = TestImages.Png(64, 64, TestImages.Rgb, noise);
        var jpeg = TestImages.Jpeg(64, 64, (x, y) => (noise[x], noise[y], noise[x * y]));

        Assert.Throws<UnreadableImageException>(() => ImageDecoder.Decode(png[..(png.Length / 2)]));
        Assert.Throws<UnreadableImageException>(() => ImageDecoder.Decode(jpeg[..(jpeg.Length / 2)]));
        Assert.Throws<UnreadableImageException>(() => ImageDecoder.Decode("<html>not found</html>"u8.ToArray()));
        Assert.Throws<UnreadableImageException>(() => ImageDecoder.Decode("BM"u8.ToArray()));
    }

    [Fact]
    public void Damaged_files_are_refused_or_read_but_do_no_other_harm()
    {
        var png = TestImages.RgbPng(12, 9, (x, y) => ((byte)(x * 20), (byte)(y * 20), 7));
        var jpeg = TestImages.Jpeg(12, 9, (x, y) => ((byte)(x * 20), (byte)(y * 20), 7));

        Gen.Select(Gen.Bool, Gen.Select(Gen.Int[0, 10_000], Gen.Byte).Array[1, 5], Gen.Int[0, 3]).Sample((usePng, changes, cut) =>
        {
            var bad = (usePng ? png : jpeg).ToArray();
            foreach (var (at, value) in changes)
            {
                bad[at % bad.Length] = value;
            }

            try
            {
                var image = ImageDecoder.Decode(cut == 0 ? bad[..(bad.Length * 3 / 4)] : bad);
                Assert.Equal(image.Samples.Length, image.Width * image.Height * 3);
            }
            catch (UnreadableImageException)
            {
            }
        }, iter: 1000);
    }

    private static byte[] Rgb(byte[] file) => ImageDecoder.Decode(file).Samples;
}
