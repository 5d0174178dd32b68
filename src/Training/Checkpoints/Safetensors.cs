using System.Buffers.Binary;
using System.Text.Json;

namespace Ganymede.Training;

/// <summary>
/// The safetensors format (https://huggingface.co/docs/safetensors): header length as little-endian u64, a JSON header of
/// name → {dtype, shape, data_offsets}, then the tensors' bytes without gaps. What is read may come from anywhere.
/// </summary>
public static class Safetensors
{
    private const int LengthSize = 8, LongestHeader = 16 << 20, MostAxes = 16;
    private const string Metadata = "__metadata__";

    private static readonly JsonDocumentOptions Options = new() { AllowDuplicateProperties = false, MaxDepth = 8 };

    /// <summary>The file's bytes in parts, the header first; wide types lead, so that each element is aligned to its size.</summary>
    /// <exception cref="ArgumentException">A name twice or reserved, or data that is not as long as its shape says.</exception>
    public static IEnumerable<ReadOnlyMemory<byte>> Write(IEnumerable<NamedTensor> tensors)
    {
        var ordered = tensors.OrderByDescending(tensor => NamedTensor.SizeOf(tensor.Type)).ToList();
        return [Header(ordered), .. ordered.Select(tensor => tensor.Data)];
    }

    private static byte[] Header(List<NamedTensor> tensors)
    {
        using var buffer = new MemoryStream();
        buffer.Write(stackalloc byte[LengthSize]);
        using (var json = new Utf8JsonWriter(buffer))
        {
            var names = new HashSet<string>(StringComparer.Ordinal) { Metadata };
            long end = 0;
            json.WriteStartObject();
            foreach (var tensor in tensors)
            {
                if (!names.Add(tensor.Name))
                    throw new ArgumentException($"tensor name {tensor.Name} is reserved or used twice");
                if (ByteCount(tensor.Type, tensor.Shape) != tensor.Data.Length)
                    throw new ArgumentException($"tensor {tensor.Name} has {tensor.Data.Length} bytes, not what its shape says");
                json.WriteStartObject(tensor.Name);
                json.WriteString("dtype", tensor.Type.ToString());
                WriteNumbers(json, "shape", tensor.Shape);
                WriteNumbers(json, "data_offsets", [end, end += tensor.Data.Length]);
                json.WriteEndObject();
            }

            json.WriteEndObject();
        }

        while (buffer.Length % 8 != 0)
            buffer.WriteByte((byte)' ');
        var header = buffer.ToArray();
        BinaryPrimitives.WriteInt64LittleEndian(header, header.Length - LengthSize);
        return header;
    }

    private static void WriteNumbers(Utf8JsonWriter json, string name, IEnumerable<long> numbers)
    {
        json.WriteStartArray(name);
        foreach (var number in numbers)
            json.WriteNumberValue(number);
        json.WriteEndArray();
    }

    /// <summary>The tensors of a file, in the order of their data, which stays where it is in <paramref name="file"/>.</summary>
    /// <param name="source">For messages: the file's name.</param>
    /// <exception cref="CheckpointException">Not a well-formed file, or a type that checkpoints do not use.</exception>
    public static IReadOnlyList<NamedTensor> Read(ReadOnlyMemory<byte> file, string source)
    {
        if (file.Length < LengthSize)
            throw Bad("is shorter than its header's length field");
        var headerLength = BinaryPrimitives.ReadUInt64LittleEndian(file.Span);
        if (headerLength > LongestHeader || headerLength > (ulong)(file.Length - LengthSize))
            throw Bad($"claims a header of {headerLength} bytes");

        var data = file[(LengthSize + (int)headerLength)..];
        List<(NamedTensor Tensor, long Begin, long End)> found;
        try
        {
            using var header = JsonDocument.Parse(file.Slice(LengthSize, (int)headerLength), Options);
            if (header.RootElement.ValueKind != JsonValueKind.Object)
                throw Bad("has a header that is no JSON object");
            found = [.. header.RootElement.EnumerateObject()
                .Where(entry => !entry.NameEquals(Metadata)).Select(entry => Entry(entry, data))];
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException or InvalidDataException)
        {
            throw Bad($"has a damaged header: {error.Message.ReplaceLineEndings(" ")}", error);
        }

        // Gaps and overlaps are forbidden by the format; either would hide bytes.
        long end = 0;
        found.Sort((one, other) => (one.Begin, one.End).CompareTo((other.Begin, other.End)));
        foreach (var (tensor, begin, next) in found)
        {
            if (begin != end)
                throw Bad($"has tensor {tensor.Name} at offset {begin}, expected {end}");
            end = next;
        }

        return end == data.Length
            ? [.. found.Select(entry => entry.Tensor)]
            : throw Bad($"has {data.Length} bytes of data, but its tensors {end}");

        CheckpointException Bad(string fault, Exception? inner = null) => new($"{source} {fault}", inner!);
    }

    private static (NamedTensor Tensor, long Begin, long End) Entry(JsonProperty entry, ReadOnlyMemory<byte> data)
    {
        if (entry.Value.ValueKind != JsonValueKind.Object
            || !entry.Value.TryGetProperty("dtype", out var typeElement)
            || !entry.Value.TryGetProperty("shape", out var shapeElement)
            || !entry.Value.TryGetProperty("data_offsets", out var offsetsElement))
            throw new InvalidDataException($"tensor {entry.Name} lacks dtype, shape or data_offsets");
        var typeName = typeElement.ValueKind == JsonValueKind.String ? typeElement.GetString() : null;
        if (Array.Find(Enum.GetValues<TensorType>(), type => type.ToString() == typeName) is var type && type.ToString() != typeName)
            throw new InvalidDataException($"tensor {entry.Name} has dtype {typeName ?? "that is no text"}");

        var (shape, offsets) = (Numbers(entry.Name, shapeElement), Numbers(entry.Name, offsetsElement));
        if (offsets is not [var begin, var end] || begin > end || end > data.Length || ByteCount(type, shape) != end - begin)
            throw new InvalidDataException($"tensor {entry.Name} has data_offsets that do not fit its shape or the file");
        return (new NamedTensor(entry.Name, type, shape, data[(int)begin..(int)end]), begin, end);
    }

    private static long[] Numbers(string name, JsonElement array)
    {
        if (array.ValueKind != JsonValueKind.Array || array.GetArrayLength() > MostAxes)
            throw new InvalidDataException($"tensor {name} has a shape or data_offsets that is no short list");
        return [.. array.EnumerateArray().Select(element =>
            element.ValueKind == JsonValueKind.Number && element.TryGetInt64(out var number) && number >= 0
                ? number
                : throw new InvalidDataException($"tensor {name} has a size or offset that is no whole number"))];
    }

    /// <summary>Bytes of a tensor; -1 if they do not fit into 63 bits.</summary>
    private static long ByteCount(TensorType type, IReadOnlyList<long> shape)
    {
        try
        {
            return shape.Aggregate((long)NamedTensor.SizeOf(type), (product, size) => checked(product * size));
        }
        catch (OverflowException)
        {
            return -1;
        }
    }
}
