using System.Runtime.InteropServices;
using Ganymede.Collectives;

namespace Ganymede.Tests;

/// <summary>The canonical tree as its definition says it, for one process: recursive, scalar, with no code of the library.</summary>
internal static class Reference
{
    public static byte[] Sum(ElementType type, IReadOnlyList<byte[]> shards) => Node(type, shards, 0, shards.Count);

    /// <summary>Numbers whose sum depends on the order of adding; or small integers, whose sum does not.</summary>
    public static byte[][] Shards(ElementType type, int shards, int elements, int seed, bool integers = false)
    {
        var random = new Random(seed);
        double Next() => integers
            ? random.Next(-1000, 1000)
            : (random.NextDouble() - 0.5) * Math.Pow(2, random.Next(-12, 12));
        return [.. Enumerable.Range(0, shards).Select(_ => type == ElementType.Float32
            ? MemoryMarshal.AsBytes(Enumerable.Range(0, elements).Select(_ => (float)Next()).ToArray().AsSpan()).ToArray()
            : MemoryMarshal.AsBytes(Enumerable.Range(0, elements).Select(_ => Next()).ToArray().AsSpan()).ToArray())];
    }

    private static byte[] Node(ElementType type, IReadOnlyList<byte[]> shards, int first, int count)
    {
        if (count == 1)
        {
            return shards[first];
        }

        var left = Node(type, shards, first, count / 2);
        var right = Node(type, shards, first + count / 2, count / 2);
        var sum = new byte[left.Length];
        for (var at = 0; at < sum.Length; at += type.Size())
        {
            if (type == ElementType.Float32)
            {
                BitConverter.TryWriteBytes(sum.AsSpan(at), BitConverter.ToSingle(left, at) + BitConverter.ToSingle(right, at));
            }
            else
            {
                BitConverter.TryWriteBytes(sum.AsSpan(at), BitConverter.ToDouble(left, at) + BitConverter.ToDouble(right, at));
            }
        }

        return sum;
    }
}
