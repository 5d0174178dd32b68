using System.Buffers.Binary;
using System.IO.Compression;
using SkiaSharp;

namespace Ganymede.Tests;

/// <summary>Image and idx files made byte by byte, so that each colour type and each fault can be had.</summary>
internal static class TestImages
{
    public const byte Grey = 0, Rgb = 2, Palette = 3, GreyAlpha = 4, Rgba = 6;

    /// <summary>A PNG whose rows are given as stored (without the filter byte).</summary>
    public static byte[] Png(int width, int height, byte colourType, byte[] rows, byte bits = 8, byte[]? palette = null, byte[]? transparency = null)
    {
        var header = new byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, width);
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), height);
        (header[8], header[9]) = (bits, colourType);

        var raw = rows.Chunk(Math.Max(1, rows.Length / height)).SelectMany(row => row.Prepend((byte)0)).ToArray();
        using var data = new MemoryStream();
        using (var zlib = new ZLibStream(data, CompressionLevel.Optimal))
        {
            zlib.Write(raw);
        }

        return
        [
            0x89, .. "PNG\r\n"u8, 0x1A, 0x0A, .. Chunk("IHDR", header),
            .. palette is null ? [] : Chunk("PLTE", palette), .. transparency is null ? [] : Chunk("tRNS", transparency),
            .. Chunk("IDAT", data.ToArray()), .. Chunk("IEND", []),
        ];
    }

    /// <summary>An RGB PNG whose pixel (x, y) is given by a function.</summary>
    public static byte[] RgbPng(int width, int height, Func<int, int, (byte R, byte G, byte B)> pixel) =>
        Png(width, height, Rgb, [.. from y in Enumerable.Range(0, height) from x in Enumerable.Range(0, width) from v in Values(pixel(x, y)) select v]);

    /// <summary>A JPEG of best quality, with an Exif orientation if one is given.</summary>
    public static byte[] Jpeg(int width, int height, Func<int, int, (byte R, byte G, byte B)> pixel, byte? orientation = null)
    {
        using var bitmap = new SKBitmap(width, height, SKColorType.Rgba8888, SKAlphaType.Opaque);
        for (var y = 0; y < height; y++)
        {
            for (var x = 0; x < width; x++)
            {
                var (r, g, b) = pixel(x, y);
                bitmap.SetPixel(x, y, new SKColor(r, g, b));
            }
        }

        using var data = bitmap.Encode(SKEncodedImageFormat.Jpeg, quality: 100);
        var jpeg = data.ToArray();
        if (orientation is not { } tag)
        {
            return jpeg;
        }

        byte[] exif =
        [
            .. "Exif\0\0MM\0*"u8, 0, 0, 0, 8, 0, 1, // one entry:
            0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, tag, 0, 0, // orientation, short, 1 value
            0, 0, 0, 0,
        ];
        return [.. jpeg[..2], 0xFF, 0xE1, 0, (byte)(exif.Length + 2), .. exif, .. jpeg[2..]];
    }

    public static byte[] IdxImages(int count, int height, int width, byte[] pixels) =>
        [0, 0, 8, 3, .. BigEndian(count), .. BigEndian(height), .. BigEndian(width), .. pixels];

    public static byte[] IdxLabels(int count, byte[] labels) => [0, 0, 8, 1, .. BigEndian(count), .. labels];

    public static byte[] Gzip(byte[] content)
    {
        using var memory = new MemoryStream();
        using (var gzip = new GZipStream(memory, CompressionLevel.Optimal))
        {
            gzip.Write(content);
        }

        return memory.ToArray();
    }

    private static byte[] Values((byte R, byte G, byte B) pixel) => [pixel.R, pixel.G, pixel.B];

    private static byte[] BigEndian(int value)
    {
        var bytes = new byte[4];
        BinaryPrimitives.WriteInt32BigEndian(bytes, value);
        return bytes;
    }

    private static byte[] Chunk(string type, byte[] content)
    {
        byte[] body = [.. System.Text.Encoding.ASCII.GetBytes(type), .. content];
        return [.. BigEndian(content.Length), .. body, .. BigEndian((int)Crc32(body))];
    }

    private static uint Crc32(byte[] bytes)
    {
        var crc = uint.MaxValue;
        foreach (var b in bytes)
        {
            crc ^= b;
            for (var bit = 0; bit < 8; bit++)
            {
                crc = (crc >> 1) ^ ((crc & 1) * 0xEDB88320);
            }
        }

        return ~crc;
    }
}
