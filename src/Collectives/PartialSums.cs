namespace Ganymede.Collectives;

/// <summary>
/// Sums the shards one owner computes along the canonical tree, as they come. What is left when all are added are the owner's
/// maximal complete subtrees: all that others need to know of its shards. Reused for every phase; buffers are pinned and kept.
/// Used by one thread at a time.
/// </summary>
public sealed class PartialSums
{
    private readonly ShardRange _owned;
    private readonly ElementType _type;
    private readonly int _bytes;
    private readonly Stack<Memory<byte>> _free = new();
    private readonly List<(Subtree Node, Memory<byte> Sum)> _stack = [];
    private readonly List<(Subtree Node, ReadOnlyMemory<byte> Sum)> _complete = [];
    private int _next;

    /// <param name="shards">V, a power of two.</param>
    /// <param name="owned">The shards that will be added.</param>
    /// <param name="type">Type of an element.</param>
    /// <param name="elements">Elements of one gradient, 0 or more.</param>
    public PartialSums(int shards, ShardRange owned, ElementType type, int elements)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(elements);
        _ = Subtree.Cover(owned, shards); // checks both
        _owned = owned;
        _type = type;
        _bytes = checked(elements * type.Size());
        _next = owned.First;
    }

    /// <summary>The shard <see cref="Add"/> takes next; one past the owned range when all are added.</summary>
    public int Next => _next;

    /// <summary>The maximal complete subtrees of the shards added so far, ascending. The list and its memory stay valid until the next
    /// <see cref="Add"/> or <see cref="Reset"/>.</summary>
    public IReadOnlyList<(Subtree Node, ReadOnlyMemory<byte> Sum)> Complete => _complete;

    /// <summary>Forgets all sums; buffers are kept.</summary>
    public void Reset()
    {
        foreach (var (_, sum) in _stack)
        {
            _free.Push(sum);
        }

        _stack.Clear();
        _complete.Clear();
        _next = _owned.First;
    }

    /// <summary>Adds the gradient of a shard. Shards come in ascending order, none left out.</summary>
    /// <exception cref="ArgumentException">Another shard than <see cref="Next"/>, or another length.</exception>
    public void Add(int shard, ReadOnlySpan<byte> gradient) => Add(new Subtree(0, shard), gradient);

    /// <summary>Adds the sum of a whole subtree, which an owner of its shards has computed before.</summary>
    /// <exception cref="ArgumentException">It does not begin at <see cref="Next"/>, ends beyond the owned range, or has another length.</exception>
    public void Add(Subtree node, ReadOnlySpan<byte> gradient)
    {
        var shard = node.Shards.First;
        if (shard != _next || node.Shards.End > _owned.End)
        {
            throw new ArgumentException(
                $"shard {shard} added where {(_next < _owned.End ? $"shard {_next}" : "none")} was due (owned: {_owned.First}..{_owned.End})", nameof(node));
        }

        if (gradient.Length != _bytes)
        {
            throw new ArgumentException($"gradient of shard {shard} has {gradient.Length} bytes, not {_bytes}", nameof(gradient));
        }

        _next = node.Shards.End;
        if (_stack.Count > 0 && _stack[^1].Node.IsLeftSiblingOf(node))
        {
            // A right sibling needs no copy of its own: it is added where its left sibling lies.
            var (left, sum) = _stack[^1];
            TreeSum.Add(_type, sum.Span, gradient, sum.Span);
            _stack[^1] = (left.Parent, sum);
            MergeSiblings();
        }
        else
        {
            var buffer = _free.TryPop(out var free) ? free : GC.AllocateUninitializedArray<byte>(_bytes, pinned: true);
            gradient.CopyTo(buffer.Span);
            _stack.Add((node, buffer));
        }

        _complete.Clear();
        foreach (var (complete, sum) in _stack)
        {
            _complete.Add((complete, sum));
        }
    }

    private void MergeSiblings()
    {
        while (_stack.Count > 1 && _stack[^2].Node.IsLeftSiblingOf(_stack[^1].Node))
        {
            var (left, sum) = _stack[^2];
            var right = _stack[^1].Sum;
            TreeSum.Add(_type, sum.Span, right.Span, sum.Span);
            _stack.RemoveAt(_stack.Count - 1);
            _free.Push(right);
            _stack[^1] = (left.Parent, sum);
        }
    }
}
