using System.Buffers;
using System.Globalization;
using System.Security.Cryptography;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Ganymede.Storage;

/// <summary>A finished image with what its line of metadata.jsonl says.</summary>
/// <param name="Index">Position in the job, from 0; names the file.</param>
/// <param name="Class">Class name; names the folder.</param>
/// <param name="Label">Class index.</param>
/// <param name="Png">The file's bytes.</param>
/// <param name="Seed">The job's seed, written if given.</param>
public sealed record LabelledImage(long Index, string Class, int Label, byte[] Png, ulong? Seed = null)
{
    private static readonly JsonWriterOptions JsonOptions = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Path within the set, with forward slashes: <c>class/000012.png</c>.</summary>
    public string File => string.Create(CultureInfo.InvariantCulture, $"{Class}/{Index:D6}.png");

    /// <summary>SHA-256 of <see cref="Png"/>, lowercase hex.</summary>
    public string Sha256 => Convert.ToHexStringLower(SHA256.HashData(Png));

    /// <summary>One JSON object, UTF-8, with the line's end: file, index, class, label, seed if any, sha256.</summary>
    public byte[] MetadataLine()
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, JsonOptions))
        {
            json.WriteStartObject();
            json.WriteString("file", File);
            json.WriteNumber("index", Index);
            json.WriteString("class", Class);
            json.WriteNumber("label", Label);
            if (Seed is { } seed)
            {
                json.WriteNumber("seed", seed);
            }

            json.WriteString("sha256", Sha256);
            json.WriteEndObject();
        }

        return [.. buffer.WrittenSpan, (byte)'\n'];
    }

    /// <exception cref="StorageException">The class cannot be a folder beside metadata.jsonl, or the index is negative.</exception>
    internal void Check()
    {
        var isFolder = !string.IsNullOrWhiteSpace(Class) && Class.Length <= 200 && Class[0] != '.'
            && !Class.Any(c => char.IsControl(c) || c is '/' or '\\') && Class != FolderStore.MetadataFile;
        if (!isFolder)
        {
            throw new StorageException(
                $"Cannot store image {Index}: class name '{Class.ReplaceLineEndings("?")}' cannot be a folder's name.");
        }

        if (Index < 0)
        {
            throw new StorageException($"Cannot store image {Index}: the index is negative.");
        }
    }
}
