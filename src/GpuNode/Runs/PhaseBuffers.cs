using Ganymede.Collectives;
using Ganymede.Training;

namespace Ganymede.GpuNode.Runs;

/// <summary>The flat buffers of one phase, allocated once, and its partial sums, which a change of views does not take away.</summary>
internal sealed class PhaseBuffers(Replica replica, Phase phase, int shards, ElementType elementType)
{
    private readonly int _elements = replica.Elements(phase);
    private List<(Subtree Node, ReadOnlyMemory<byte> Sum)> _kept = [];
    private long _position = -1;
    private ShardRange _owned = new(-1, 0);

    public Phase Phase { get; } = phase;
    public PartialSums Sums { get; private set; } = null!; // Own comes before all else
    public byte[] Gradient { get; } = GC.AllocateArray<byte>(replica.Elements(phase) * replica.ElementSize, pinned: true);
    public byte[] Total { get; } = GC.AllocateArray<byte>(replica.Elements(phase) * replica.ElementSize, pinned: true);

    /// <summary>A view begins in which the replica owns these shards; sums of the phase at <paramref name="position"/> are kept.</summary>
    public void Own(ShardRange owned, long position)
    {
        if (owned == _owned)
            return; // all of it stays where it is
        _kept = _position == position ? [.. Sums.Complete, .. _kept] : [];
        Sums = new PartialSums(shards, owned, elementType, _elements);
        _owned = owned;
    }

    /// <summary>The phase at <paramref name="position"/> is computed from here on.</summary>
    public void Begin(long position)
    {
        if (_position != position)
        {
            Sums.Reset();
            _kept.Clear();
        }

        _position = position;
    }

    /// <summary>Adds a sum from the view before in place of computing its shards again; false when there is none that fits.</summary>
    public bool TakeKept()
    {
        var (node, sum) = _kept.Find(kept => kept.Node.Shards.First == Sums.Next && kept.Node.Shards.End <= _owned.End);
        if (sum.IsEmpty)
            return false;
        Sums.Add(node, sum.Span);
        return true;
    }
}
