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

    /// <summary>As the definition of the bfloat16 wire says it: the nodes that one party brings are rounded, and the root.</summary>
    public static byte[] RoundedSum(IReadOnlyList<byte[]> shards, IReadOnlySet<Subtree> brought)
    {
        byte[] Node(Subtree node)
        {
            if (brought.Contains(node))
            {
                return Rounded(Sum(ElementType.Float32, [.. shards.Skip(node.Shards.First).Take(node.Shards.Count)]));
            }

            var (left, right) = (Node(new Subtree(node.Level - 1, 2 * node.Index)), Node(new Subtree(node.Level - 1, 2 * node.Index + 1)));
            return Sum(ElementType.Float32, [left, right]);
        }

        return Rounded(Node(new Subtree(System.Numerics.BitOperations.Log2((uint)shards.Count), 0)));
    }

    /// <summary>Of the two neighbours with 16 bits the nearer one, or the even one. Finite numbers only.</summary>
    private static byte[] Rounded(byte[] floats) => [.. MemoryMarshal.Cast<byte, uint>(floats).ToArray().SelectMany(bits =>
    {
        var (low, rest) = (bits & 0xffff0000, bits & 0xffff);
        var up = rest > 0x8000 || (rest == 0x8000 && (low & 0x10000) != 0);
        return BitConverter.GetBytes(up ? low + 0x10000 : low);
    })];

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
