using System.Buffers.Binary;
using System.IO.Compression;

namespace Ganymede.Datasets;

/// <summary>The images of an idx3 file, uint8 [Count, Height, Width] in <paramref name="Pixels"/>.</summary>
internal sealed record IdxImages(int Count, int Height, int Width, byte[] Pixels);

/// <summary>
/// Reads the idx format of MNIST (LeCun): a big-endian magic number and sizes, then unsigned bytes; plain or gzipped,
/// told apart by content. Nothing in it is trusted: memory grows with the bytes that really arrive.
/// </summary>
internal static class IdxFile
{
    private const int ImagesMagic = 0x00000803, LabelsMagic = 0x00000801; // unsigned byte, 3 or 1 dimensions
    private const int FirstBlock = 1 << 20;

    /// <param name="stream">The file's content.</param>
    /// <param name="name">How messages call the file.</param>
    /// <exception cref="BadDataException">Not idx3 of bytes, truncated, too long, damaged gzip; names the file.</exception>
    public static IdxImages ReadImages(Stream stream, string name) => Guarded(stream, name, content =>
    {
        var sizes = ReadHeader(content, ImagesMagic, dimensions: 3);
        int count = sizes[0], height = sizes[1], width = sizes[2];
        if (height is < 1 or > ImagePack.SizeLimit || width is < 1 or > ImagePack.SizeLimit)
        {
            throw new FormatException($"declares images of {(uint)height} x {(uint)width} pixels");
        }

        return new IdxImages(count, height, width, ReadExactly(content, (long)count * height * width));
    });

    /// <returns>One label, 0..255, an image.</returns>
    /// <exception cref="BadDataException">Not idx1 of bytes, truncated, too long, damaged gzip; names the file.</exception>
    public static byte[] ReadLabels(Stream stream, string name) => Guarded(stream, name, content =>
        ReadExactly(content, ReadHeader(content, LabelsMagic, dimensions: 1)[0]));

    private static T Guarded<T>(Stream stream, string name, Func<Stream, T> read)
    {
        try
        {
            using var buffered = new BufferedStream(stream, 1 << 16);
            using var content = IsGzip(buffered) ? new GZipStream(buffered, CompressionMode.Decompress) : (Stream)buffered;
            return read(content);
        }
        catch (FormatException e)
        {
            throw new BadDataException($"--data: {name}: {e.Message}.");
        }
        catch (EndOfStreamException)
        {
            throw new BadDataException($"--data: {name}: is truncated.");
        }
        catch (InvalidDataException)
        {
            throw new BadDataException($"--data: {name}: is damaged gzip.");
        }
        catch (IOException e)
        {
            throw new BadDataException($"--data: {name}: {e.Message}");
        }
    }

    private static bool IsGzip(BufferedStream stream)
    {
        Span<byte> start = stackalloc byte[2];
        var read = stream.ReadAtLeast(start, 2, throwOnEndOfStream: false);
        stream.Seek(-read, SeekOrigin.Current);
        return read == 2 && start is [0x1F, 0x8B];
    }

    private static int[] ReadHeader(Stream content, int magic, int dimensions)
    {
        if (ReadInt32(content) != magic)
        {
            throw new FormatException($"is no idx{dimensions} file of unsigned bytes");
        }

        int[] sizes = [.. Enumerable.Range(0, dimensions).Select(_ => ReadInt32(content))];
        return sizes[0] > 0 ? sizes : throw new FormatException($"declares {(uint)sizes[0]} items");
    }

    private static int ReadInt32(Stream content)
    {
        Span<byte> bytes = stackalloc byte[sizeof(int)];
        content.ReadExactly(bytes);
        return BinaryPrimitives.ReadInt32BigEndian(bytes);
    }

    private static byte[] ReadExactly(Stream content, long length)
    {
        if (length > Array.MaxLength)
        {
            throw new FormatException($"declares {length} bytes, more than fit into memory at once");
        }

        // Double as bytes arrive: a header of 16 bytes must not allocate gigabytes.
        var bytes = new byte[Math.Min(length, FirstBlock)];
        for (var filled = 0; ; )
        {
            content.ReadExactly(bytes, filled, bytes.Length - filled);
            filled = bytes.Length;
            if (filled == length)
            {
                break;
            }

            Array.Resize(ref bytes, (int)Math.Min(length, 2L * filled));
        }

        // Reading past the end also makes gzip compare its checksum.
        return content.ReadByte() < 0 ? bytes : throw new FormatException("is longer than its header says");
    }
}
