namespace Ganymede.Collectives;

/// <summary>Merges the partial sums of several replicas into the maximal complete subtrees of them all. What it is given is read only;
/// its buffers are pinned and kept.</summary>
internal sealed class LocalSums(int shards, ElementType type)
{
    private readonly List<(Subtree Node, ReadOnlyMemory<byte> Sum)> _leaves = [];
    private readonly List<(Subtree Node, ReadOnlyMemory<byte> Sum, int Scratch)> _stack = [];
    private readonly List<(Subtree Node, ReadOnlyMemory<byte> Sum)> _merged = [];
    private readonly List<byte[]> _scratch = [];
    private readonly Stack<int> _free = new();

    public IReadOnlyList<(Subtree Node, ReadOnlyMemory<byte> Sum)> Merge(
        IReadOnlyList<IReadOnlyList<(Subtree Node, ReadOnlyMemory<byte> Sum)>> partials, int bytes)
    {
        _leaves.Clear();
        _stack.Clear();
        _merged.Clear();
        _free.Clear();
        for (var i = 0; i < _scratch.Count; i++)
        {
            _free.Push(i);
        }

        foreach (var replica in partials)
        {
            foreach (var leaf in replica)
            {
                _leaves.Add(leaf);
            }
        }

        _leaves.Sort(static (left, right) => left.Node.Shards.First.CompareTo(right.Node.Shards.First));
        var next = 0;
        foreach (var (node, sum) in _leaves)
        {
            if (node.Shards.First < next || node.Shards.End > shards || sum.Length != bytes)
            {
                throw new ArgumentException($"partial sum {node} with {sum.Length} bytes overlaps another or does not fit {bytes} bytes, {shards} shards");
            }

            next = node.Shards.End;
            _stack.Add((node, sum, -1));
            while (_stack.Count > 1 && _stack[^2].Node.IsLeftSiblingOf(_stack[^1].Node))
            {
                MergeTop(bytes);
            }
        }

        foreach (var (node, sum, _) in _stack)
        {
            _merged.Add((node, sum));
        }

        return _merged;
    }

    private void MergeTop(int bytes)
    {
        var (left, right) = (_stack[^2], _stack[^1]);
        var scratch = left.Scratch >= 0 ? left.Scratch : right.Scratch >= 0 ? right.Scratch : Rent(bytes);
        var target = _scratch[scratch].AsMemory(0, bytes);
        TreeSum.Add(type, left.Sum.Span, right.Sum.Span, target.Span);
        if (left.Scratch >= 0 && right.Scratch >= 0)
        {
            _free.Push(right.Scratch);
        }

        _stack.RemoveAt(_stack.Count - 1);
        _stack[^1] = (left.Node.Parent, target, scratch);
    }

    private int Rent(int bytes)
    {
        if (!_free.TryPop(out var index))
        {
            index = _scratch.Count;
            _scratch.Add([]);
        }

        if (_scratch[index].Length < bytes)
        {
            _scratch[index] = GC.AllocateUninitializedArray<byte>(bytes, pinned: true);
        }

        return index;
    }
}
