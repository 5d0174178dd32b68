using SkiaSharp;

namespace Ganymede.Datasets;

/// <summary>An image that cannot be used; the message is the reason, without the path.</summary>
internal sealed class UnreadableImageException(string reason) : Exception(reason);

/// <summary>Reads PNG and JPEG files of any colour type as opaque RGB, upright, transparency laid on white.</summary>
internal static class ImageDecoder
{
    /// <summary>Pixels an image may declare. Checked before decoding: a few bytes can declare gigabytes.</summary>
    public const long PixelLimit = 50_000_000;

    /// <summary>Bytes a file may have.</summary>
    public const long FileLimit = 256 << 20;

    /// <exception cref="UnreadableImageException">No permission, too large, damaged, or neither PNG nor JPEG.</exception>
    public static Raster Read(string path)
    {
        byte[] bytes;
        try
        {
            var length = new FileInfo(path).Length;
            if (length is 0 or > FileLimit)
            {
                throw new UnreadableImageException(length == 0 ? "empty file" : $"{length >> 20} MiB, limit {FileLimit >> 20}");
            }

            bytes = File.ReadAllBytes(path);
        }
        catch (UnauthorizedAccessException)
        {
            throw new UnreadableImageException("no permission");
        }
        catch (IOException e)
        {
            throw new UnreadableImageException(e.Message);
        }

        return Decode(bytes);
    }

    /// <exception cref="UnreadableImageException">Too large, damaged, or neither PNG nor JPEG.</exception>
    public static Raster Decode(byte[] bytes)
    {
        using var data = SKData.CreateCopy(bytes);
        using var codec = SKCodec.Create(data);
        if (codec?.EncodedFormat is not (SKEncodedImageFormat.Png or SKEncodedImageFormat.Jpeg))
        {
            throw new UnreadableImageException("neither PNG nor JPEG, or damaged");
        }

        int width = codec.Info.Width, height = codec.Info.Height;
        if (width < 1 || height < 1 || (long)width * height > PixelLimit)
        {
            throw new UnreadableImageException($"declares {width} x {height} pixels, limit {PixelLimit / 1_000_000} million");
        }

        // Unpremultiplied and without a colour space: the stored values, unconverted.
        var info = new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Unpremul, colorspace: null);
        var result = codec.GetPixels(info, out var rgba);
        if (result != SKCodecResult.Success)
        {
            throw new UnreadableImageException(result == SKCodecResult.IncompleteInput ? "truncated" : $"damaged ({result})");
        }

        return Upright(OnWhite(rgba), width, height, codec.EncodedOrigin);
    }

    private static byte[] OnWhite(byte[] rgba)
    {
        var rgb = new byte[rgba.Length / 4 * 3];
        for (int from = 0, to = 0; from < rgba.Length; from += 4, to += 3)
        {
            var alpha = rgba[from + 3];
            for (var c = 0; c < 3; c++)
            {
                rgb[to + c] = (byte)((rgba[from + c] * alpha + 255 * (255 - alpha) + 127) / 255);
            }
        }

        return rgb;
    }

    // Cameras store the picture as the sensor saw it and note in Exif how it is to be turned.
    private static Raster Upright(byte[] rgb, int width, int height, SKEncodedOrigin origin)
    {
        if (origin == SKEncodedOrigin.TopLeft)
        {
            return new Raster(rgb, 0, width, height, 3);
        }

        var turned = origin >= SKEncodedOrigin.LeftTop; // the last four exchange rows and columns
        var mirrorX = origin is SKEncodedOrigin.TopRight or SKEncodedOrigin.BottomRight
            or SKEncodedOrigin.RightBottom or SKEncodedOrigin.LeftBottom;
        var mirrorY = origin is SKEncodedOrigin.BottomRight or SKEncodedOrigin.BottomLeft
            or SKEncodedOrigin.RightTop or SKEncodedOrigin.RightBottom;
        var upright = new Raster(new byte[rgb.Length], 0, turned ? height : width, turned ? width : height, 3);
        for (var y = 0; y < upright.Height; y++)
        {
            for (var x = 0; x < upright.Width; x++)
            {
                var (storedX, storedY) = turned ? (y, x) : (x, y);
                storedX = mirrorX ? width - 1 - storedX : storedX;
                storedY = mirrorY ? height - 1 - storedY : storedY;
                rgb.AsSpan((storedY * width + storedX) * 3, 3).CopyTo(upright.Samples.AsSpan((y * upright.Width + x) * 3));
            }
        }

        return upright;
    }
}
