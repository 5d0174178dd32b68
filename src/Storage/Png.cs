using System.Buffers.Binary;
using System.IO.Compression;
using System.IO.Hashing;

namespace Ganymede.Storage;

/// <summary>
/// Writes 8-bit grey and RGB images as PNG (ISO/IEC 15948). The same pixels give the same bytes: nothing but the image is
/// written, the row filters are chosen by a fixed rule and the compression by the runtime's own zlib at a fixed level.
/// </summary>
public static class Png
{
    private const byte Grey = 0, Rgb = 2;
    private const int Filters = 5;

    /// <param name="chw">[channels, height, width].</param>
    /// <param name="channels">1 (grey) or 3 (red, green, blue).</param>
    /// <param name="height">Pixels, at least 1.</param>
    /// <param name="width">Pixels, at least 1.</param>
    /// <returns>The file's bytes.</returns>
    /// <exception cref="ArgumentException">Sizes that no PNG has, or that are not those of <paramref name="chw"/>.</exception>
    public static byte[] Encode(ReadOnlySpan<byte> chw, int channels, int height, int width)
    {
        if (channels is not (1 or 3) || height < 1 || width < 1 || chw.Length != (long)channels * height * width)
        {
            throw new ArgumentException($"{chw.Length} bytes are no image of {channels} x {height} x {width}.", nameof(chw));
        }

        var header = new byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, width);
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), height);
        (header[8], header[9]) = (8, channels == 1 ? Grey : Rgb); // bits a sample, colour type

        using var file = new MemoryStream();
        file.Write([0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A]);
        WriteChunk(file, "IHDR"u8, header);
        WriteChunk(file, "IDAT"u8, Compress(Interleave(chw, channels, height * width), channels, height, width * channels));
        WriteChunk(file, "IEND"u8, []);
        return file.ToArray();
    }

    private static byte[] Interleave(ReadOnlySpan<byte> chw, int channels, int plane)
    {
        var hwc = new byte[chw.Length];
        for (var c = 0; c < channels; c++)
        {
            for (var i = 0; i < plane; i++)
            {
                hwc[i * channels + c] = chw[c * plane + i];
            }
        }

        return hwc;
    }

    private static byte[] Compress(byte[] hwc, int channels, int rows, int rowBytes)
    {
        using var memory = new MemoryStream();
        using (var zlib = new ZLibStream(memory, CompressionLevel.SmallestSize))
        {
            var nothing = new byte[rowBytes];
            for (var y = 0; y < rows; y++)
            {
                var row = hwc.AsSpan(y * rowBytes, rowBytes);
                zlib.Write(BestFiltered(row, y == 0 ? nothing : hwc.AsSpan((y - 1) * rowBytes, rowBytes), channels));
            }
        }

        return memory.ToArray();
    }

    // The specification's advice (12.8): of the five filters, the one with the least sum of absolute (signed) values.
    private static byte[] BestFiltered(ReadOnlySpan<byte> row, ReadOnlySpan<byte> above, int channels)
    {
        byte[] best = [];
        var least = long.MaxValue;
        for (byte filter = 0; filter < Filters; filter++)
        {
            var filtered = new byte[row.Length + 1];
            filtered[0] = filter;
            var sum = 0L;
            for (var i = 0; i < row.Length; i++)
            {
                int left = i < channels ? 0 : row[i - channels], aboveLeft = i < channels ? 0 : above[i - channels];
                var value = (byte)(row[i] - Predict(filter, left, above[i], aboveLeft));
                filtered[i + 1] = value;
                sum += Math.Abs((int)(sbyte)value);
            }

            if (sum < least)
            {
                (best, least) = (filtered, sum);
            }
        }

        return best;
    }

    private static int Predict(byte filter, int left, int above, int aboveLeft) => filter switch
    {
        0 => 0,
        1 => left,
        2 => above,
        3 => (left + above) / 2,
        _ => Paeth(left, above, aboveLeft),
    };

    private static int Paeth(int left, int above, int aboveLeft)
    {
        var estimate = left + above - aboveLeft;
        int toLeft = Math.Abs(estimate - left), toAbove = Math.Abs(estimate - above), toAboveLeft = Math.Abs(estimate - aboveLeft);
        return toLeft <= toAbove && toLeft <= toAboveLeft ? left : toAbove <= toAboveLeft ? above : aboveLeft;
    }

    private static void WriteChunk(MemoryStream file, ReadOnlySpan<byte> type, ReadOnlySpan<byte> content)
    {
        Span<byte> number = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(number, content.Length);
        file.Write(number);
        file.Write(type);
        file.Write(content);

        var crc = new Crc32();
        crc.Append(type);
        crc.Append(content);
        BinaryPrimitives.WriteUInt32BigEndian(number, crc.GetCurrentHashAsUInt32());
        file.Write(number);
    }
}
