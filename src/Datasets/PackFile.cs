using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Ganymede.Datasets;

/// <summary>
/// An <see cref="ImagePack"/> as one file of two MessagePack bin 32 values: the header (see <see cref="PackHeader"/>) and
/// the pixels, which are read straight into their array. The same pack always gives the same bytes.
/// </summary>
public static class PackFile
{
    private const byte Bin32 = 0xC6;
    private const int PrefixBytes = 5;

    /// <summary>Writes the pack so that <paramref name="path"/> either stays as it was or is whole.</summary>
    /// <returns>SHA-256 of the file's bytes, lowercase hex.</returns>
    /// <exception cref="IOException">Disk full, no permission, no such folder; the message names the path.</exception>
    public static string Write(string path, ImagePack pack)
    {
        var temporary = $"{path}.{Guid.NewGuid():N}.tmp";
        try
        {
            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            using (var file = new FileStream(temporary, FileMode.CreateNew, FileAccess.Write))
            {
                Append(PackHeader.Of(pack).ToBytes());
                Append(pack.Pixels);
                file.Flush(flushToDisk: true);

                void Append(byte[] value)
                {
                    Span<byte> prefix = stackalloc byte[PrefixBytes];
                    prefix[0] = Bin32;
                    BinaryPrimitives.WriteInt32BigEndian(prefix[1..], value.Length);
                    hash.AppendData(prefix);
                    hash.AppendData(value);
                    file.Write(prefix);
                    file.Write(value);
                }
            }

            File.Move(temporary, path, overwrite: true);
            return Convert.ToHexStringLower(hash.GetHashAndReset());
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new IOException($"Cannot write the image pack {path}: {e.Message}", e);
        }
        finally
        {
            DeleteQuietly(temporary);
        }
    }

    /// <summary>Reads a pack from a source that is not trusted: nothing is allocated beyond the file's own length.</summary>
    /// <param name="path">The file.</param>
    /// <param name="expectedSha256">Hex SHA-256 the file's bytes must have.</param>
    /// <exception cref="BadDataException">Missing, unreadable, truncated, altered or no pack at all; names the file.</exception>
    public static ImagePack Read(string path, string expectedSha256)
    {
        try
        {
            using var file = File.OpenRead(path);
            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            var header = PackHeader.Parse(ReadValue(file, hash));
            var pixels = ReadValue(file, hash);
            if (file.Position != file.Length)
            {
                throw new InvalidDataException("bytes follow the pixels");
            }

            var actual = Convert.ToHexStringLower(hash.GetHashAndReset());
            if (!actual.Equals(expectedSha256, StringComparison.OrdinalIgnoreCase))
            {
                throw new InvalidDataException($"its SHA-256 is {actual}, expected {expectedSha256}");
            }

            return header.ToPack(pixels);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException or ArgumentException)
        {
            throw new BadDataException($"Cannot use the image pack {path}: {e.Message}");
        }
    }

    /// <summary>SHA-256 of a file's bytes, lowercase hex.</summary>
    /// <exception cref="BadDataException">The file cannot be read.</exception>
    public static string Sha256Of(string path)
    {
        try
        {
            using var file = File.OpenRead(path);
            return Convert.ToHexStringLower(SHA256.HashData(file));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new BadDataException($"Cannot read {path}: {e.Message}");
        }
    }

    // The length is checked against what the file still holds before anything of that length is allocated.
    private static byte[] ReadValue(FileStream file, IncrementalHash hash)
    {
        Span<byte> prefix = stackalloc byte[PrefixBytes];
        file.ReadExactly(prefix);
        var length = BinaryPrimitives.ReadUInt32BigEndian(prefix[1..]);
        if (prefix[0] != Bin32 || length > file.Length - file.Position || length > Array.MaxLength)
        {
            throw new InvalidDataException("it is truncated, or no pack");
        }

        var value = new byte[length];
        file.ReadExactly(value);
        hash.AppendData(prefix);
        hash.AppendData(value);
        return value;
    }

    private static void DeleteQuietly(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The error that brought us here says more than this one would.
        }
    }
}
