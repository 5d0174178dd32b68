using static TorchSharp.torch;

namespace Ganymede.Training;

/// <summary>Where one parameter lies in a flat buffer; offset and count in elements.</summary>
public sealed record FlatEntry(string Name, IReadOnlyList<long> Shape, int Offset, int Count);

/// <summary>
/// The order of a network's parameters in one flat buffer: that of its <c>state_dict</c>, each starting at a multiple of 64 bytes
/// (a cache line, and the widest SIMD register). Elements between two parameters are zero and stay so.
/// </summary>
public sealed class FlatLayout
{
    public const int AlignmentBytes = 64;

    /// <param name="parameters">Names and shapes, in order.</param>
    /// <param name="type">Float32 or Float64.</param>
    /// <exception cref="ArgumentException">Another type, or more than 2 GiB.</exception>
    public FlatLayout(IEnumerable<(string Name, long[] Shape)> parameters, ScalarType type)
    {
        Type = type;
        ElementSize = type switch
        {
            ScalarType.Float32 => sizeof(float),
            ScalarType.Float64 => sizeof(double),
            _ => throw new ArgumentException($"parameters of type {type} have no flat layout"),
        };

        var entries = new List<FlatEntry>();
        long end = 0;
        foreach (var (name, shape) in parameters)
        {
            var count = shape.Aggregate(1L, (product, size) => checked(product * size));
            if ((end + count) * ElementSize > int.MaxValue - AlignmentBytes)
                throw new ArgumentException($"parameters up to {name} do not fit into 2 GiB");
            entries.Add(new FlatEntry(name, shape, (int)end, (int)count));
            end = Aligned(end + count);
        }

        Entries = entries;
        Elements = (int)end;
    }

    public IReadOnlyList<FlatEntry> Entries { get; }

    /// <summary>Float32 or Float64.</summary>
    public ScalarType Type { get; }

    /// <summary>4 or 8 bytes.</summary>
    public int ElementSize { get; }

    /// <summary>Length of the buffer, in elements, padding included.</summary>
    public int Elements { get; }

    /// <summary>Parameters without the padding.</summary>
    public long ParameterCount => Entries.Sum(entry => (long)entry.Count);

    /// <summary>Cuts a buffer of this layout into a tensor for each parameter, named prefix + parameter.</summary>
    public IEnumerable<NamedTensor> Split(ReadOnlyMemory<byte> flat, string prefix)
    {
        var type = Type == ScalarType.Float32 ? TensorType.F32 : TensorType.F64;
        return Entries.Select(entry => new NamedTensor(
            prefix + entry.Name, type, entry.Shape, flat.Slice(entry.Offset * ElementSize, entry.Count * ElementSize)));
    }

    /// <summary>The reverse: a flat buffer from the named tensors.</summary>
    /// <exception cref="CheckpointException">One is missing, or of another type or shape.</exception>
    public byte[] Join(IReadOnlyDictionary<string, NamedTensor> tensors, string prefix)
    {
        var flat = new byte[Elements * ElementSize];
        foreach (var wanted in Split(flat, prefix))
        {
            if (!tensors.TryGetValue(wanted.Name, out var found))
                throw new CheckpointException($"tensor {wanted.Name} is missing");
            if (found.Type != wanted.Type || !found.Shape.SequenceEqual(wanted.Shape))
                throw new CheckpointException($"tensor {wanted.Name} is {found.Type} [{string.Join(", ", found.Shape)}], "
                    + $"expected {wanted.Type} [{string.Join(", ", wanted.Shape)}]");
        }

        foreach (var entry in Entries)
            tensors[prefix + entry.Name].Data.Span.CopyTo(flat.AsSpan(entry.Offset * ElementSize));
        return flat;
    }

    private long Aligned(long element)
    {
        var step = AlignmentBytes / ElementSize;
        return (element + step - 1) / step * step;
    }
}
