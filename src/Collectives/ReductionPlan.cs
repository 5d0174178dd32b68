namespace Ganymede.Collectives;

/// <summary>
/// How the partial sums of all parties become the root: the leaves are every party's maximal complete subtrees in shard order, the
/// merges follow the canonical tree. A pure function of (V, shards of each party), so all parties hold the same and no sizes or
/// orders need to be believed from the wire.
/// </summary>
internal sealed class ReductionPlan
{
    // Left and right stay in the first-level cache while a block passes through all merges.
    private const int BlockBytes = 16 * 1024;

    private readonly Leaf[] _leaves;
    private readonly Merge[] _merges;

    /// <summary>A partial sum: the caller's own (Remote = -1, Own = its number among the party's) or the Remote-th that comes by wire.</summary>
    private readonly record struct Leaf(int Own, int Remote);

    /// <summary>Leaf buffers to be added; the sum lies in Target's buffer, or in the result where Target is -1.</summary>
    private readonly record struct Merge(int Left, int Right, int Target);

    public ReductionPlan(int shards, IReadOnlyList<ShardRange> owned, int self)
    {
        NodesOf = [.. owned.Select(range => Subtree.Cover(range, shards))];
        var sorted = Enumerable.Range(0, owned.Count)
            .SelectMany(party => NodesOf[party].Select((node, number) => (Party: party, Node: node, Number: number)))
            .OrderBy(leaf => leaf.Node.Shards.First).ToArray();
        RemoteNumberOf = [.. NodesOf.Select(nodes => new int[nodes.Length])];
        _leaves = new Leaf[sorted.Length];
        var merges = new List<Merge>();
        var stack = new List<(Subtree Node, int Buffer)>();
        for (var i = 0; i < sorted.Length; i++)
        {
            var (party, node, number) = sorted[i];
            _leaves[i] = party == self ? new Leaf(number, -1) : new Leaf(-1, RemoteLeaves);
            RemoteNumberOf[party][number] = party == self ? -1 : RemoteLeaves++;
            stack.Add((node, i));
            while (stack.Count > 1 && stack[^2].Node.IsLeftSiblingOf(stack[^1].Node))
            {
                // The caller's own sums are read only. Two siblings are never both its own: they would have been one subtree.
                var (left, right) = (stack[^2], stack[^1]);
                var last = i == sorted.Length - 1 && stack.Count == 2;
                var target = _leaves[left.Buffer].Remote >= 0 ? left.Buffer : right.Buffer;
                merges.Add(new Merge(left.Buffer, right.Buffer, last && left.Node.Parent.Shards.Count == shards ? -1 : target));
                stack.RemoveAt(stack.Count - 1);
                stack[^1] = (left.Node.Parent, target);
            }
        }

        _merges = [.. merges];
    }

    /// <summary>Per party, its maximal complete subtrees.</summary>
    public Subtree[][] NodesOf { get; }

    /// <summary>Per party and node, the place among all partial sums that come by wire; -1 for the caller's own.</summary>
    public int[][] RemoteNumberOf { get; }

    /// <summary>Partial sums of the other parties.</summary>
    public int RemoteLeaves { get; }

    /// <summary>Sums one chunk.</summary>
    /// <param name="type">Type of an element.</param>
    /// <param name="own">The caller's partial sums, whole buffers.</param>
    /// <param name="offset">Where in them the chunk begins, in bytes.</param>
    /// <param name="remote">The others' sums of this chunk, one every <paramref name="stride"/> bytes; overwritten.</param>
    /// <param name="stride">At least the chunk's length.</param>
    /// <param name="result">The chunk of the result.</param>
    public void Sum(ElementType type, ReadOnlySpan<ReadOnlyMemory<byte>> own, int offset, Span<byte> remote, int stride, Span<byte> result)
    {
        if (_merges.Length == 0)
        {
            Source(own, offset, remote, stride, 0, 0, result.Length).CopyTo(result);
            return;
        }

        for (var start = 0; start < result.Length; start += BlockBytes)
        {
            var length = Math.Min(BlockBytes, result.Length - start);
            foreach (var merge in _merges)
            {
                var target = merge.Target < 0
                    ? result.Slice(start, length)
                    : remote.Slice(_leaves[merge.Target].Remote * stride + start, length);
                TreeSum.Add(
                    type, Source(own, offset, remote, stride, merge.Left, start, length),
                    Source(own, offset, remote, stride, merge.Right, start, length), target);
            }
        }
    }

    private ReadOnlySpan<byte> Source(
        ReadOnlySpan<ReadOnlyMemory<byte>> own, int offset, ReadOnlySpan<byte> remote, int stride, int leaf, int start, int length)
    {
        var (number, place) = _leaves[leaf];
        return place < 0 ? own[number].Span.Slice(offset + start, length) : remote.Slice(place * stride + start, length);
    }
}
