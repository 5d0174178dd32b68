namespace Ganymede.Collectives;

/// <summary>
/// How the partial sums of all parties become the root: the leaves are every party's maximal complete subtrees in shard order, the
/// merges follow the canonical tree. A pure function of (V, shards of each party), so all parties hold the same and no sizes or
/// orders need to be believed from the wire. Where the parties do not have all shards, what is left are the maximal complete subtrees of theirs.
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

    /// <summary>A sum that is left: in the result, in one of the caller's own (Own, else -1) or where the Remote-th came by wire.</summary>
    public readonly record struct Rest(Subtree Node, int Own, int Remote, bool IsInResult);

    public ReductionPlan(int shards, IReadOnlyList<ShardRange> owned, int self, bool toResult = true)
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
                merges.Add(new Merge(left.Buffer, right.Buffer, toResult && last && left.Node.Parent.Shards.Count == shards ? -1 : target));
                stack.RemoveAt(stack.Count - 1);
                stack[^1] = (left.Node.Parent, target);
            }
        }

        _merges = [.. merges];
        Left = [.. stack.Select(sum => new Rest(sum.Node, _leaves[sum.Buffer].Own, _leaves[sum.Buffer].Remote, _merges is [.., { Target: -1 }]))];
    }

    /// <summary>Whether anything is to be added.</summary>
    public bool Merges => _merges.Length > 0;

    /// <summary>What is left when all is merged, ascending: the root alone where the parties have all shards.</summary>
    public IReadOnlyList<Rest> Left { get; }

    /// <summary>Per party, its maximal complete subtrees.</summary>
    public Subtree[][] NodesOf { get; }

    /// <summary>Per party and node, the place among all partial sums that come by wire; -1 for the caller's own.</summary>
    public int[][] RemoteNumberOf { get; }

    /// <summary>Partial sums of the other parties.</summary>
    public int RemoteLeaves { get; }

    /// <summary>Sums one chunk.</summary>
    /// <param name="type">Type of an element.</param>
    /// <param name="own">The caller's partial sums; only read.</param>
    /// <param name="offset">Where in them the chunk begins, in bytes.</param>
    /// <param name="remote">The others' sums of this chunk; overwritten.</param>
    /// <param name="length">The chunk's length.</param>
    /// <param name="result">The chunk of the result; not used where the root is not to be made there.</param>
    public void Sum(ElementType type, ReadOnlySpan<ReadOnlyMemory<byte>> own, int offset, ReadOnlySpan<Memory<byte>> remote, int length, Span<byte> result)
    {
        if (_merges.Length == 0 && Left.Count == 1 && !result.IsEmpty)
        {
            Source(own, offset, remote, 0, 0, length).CopyTo(result);
            return;
        }

        for (var start = 0; start < length; start += BlockBytes)
        {
            var block = Math.Min(BlockBytes, length - start);
            foreach (var merge in _merges)
            {
                var target = merge.Target < 0 ? result.Slice(start, block) : remote[_leaves[merge.Target].Remote].Span.Slice(start, block);
                TreeSum.Add(type, Source(own, offset, remote, merge.Left, start, block), Source(own, offset, remote, merge.Right, start, block), target);
            }
        }
    }

    private ReadOnlySpan<byte> Source(ReadOnlySpan<ReadOnlyMemory<byte>> own, int offset, ReadOnlySpan<Memory<byte>> remote, int leaf, int start, int length)
    {
        var (number, place) = _leaves[leaf];
        return place < 0 ? own[number].Span.Slice(offset + start, length) : remote[place].Span.Slice(start, length);
    }
}
