namespace Ganymede.Collectives;

/// <summary>The parts of an all-reduce by themselves, and bytes as they are. All block, end the group when they fail, and throw as <see cref="AllReduce"/> does.</summary>
public sealed partial class Group
{
    /// <summary>The part of a buffer that is a party's own: contiguous, in party order, cut at multiples of 64 bytes; may be empty.</summary>
    /// <param name="party">0..<see cref="Parties"/>-1.</param>
    /// <param name="bytes">Length of the buffer.</param>
    public (int Offset, int Length) RangeOf(int party, int bytes)
    {
        RequireParty(party);
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        var layout = new ChunkLayout(bytes, Parties.Count, Options.ChunkBytes);
        return (layout.Start(party), layout.RangeBytes(party));
    }

    /// <summary>Sums as <see cref="AllReduce"/>, but of the result only <see cref="RangeOf"/> this party is written.</summary>
    /// <inheritdoc cref="AllReduce"/>
    public void ReduceScatter(
        long step, byte phase, ElementType type, IReadOnlyList<(Subtree Node, ReadOnlyMemory<byte> Sum)> partials, Memory<byte> result,
        ulong fingerprint = 0, CancellationToken cancel = default)
    {
        RequireFitting(type, partials, result.Length);
        Complete(new Assignment(Operation.ReduceScatter, step, phase, type, partials, result, fingerprint), cancel);
    }

    /// <summary>Every party's <see cref="RangeOf"/> the buffer goes to all others: afterwards all have the same.</summary>
    /// <param name="step">Step, the same at all parties.</param>
    /// <param name="phase">Phase, the same at all parties.</param>
    /// <param name="buffer">Holds this party's range; receives the others'. The same length at all parties.</param>
    /// <param name="cancel">Ends the wait at once, and the group.</param>
    public void AllGather(long step, byte phase, Memory<byte> buffer, CancellationToken cancel = default) =>
        Complete(new Assignment(Operation.AllGather, step, phase, null, [], buffer, 0), cancel);

    /// <summary>One party's buffer goes to all others.</summary>
    /// <param name="step">Step, the same at all parties.</param>
    /// <param name="phase">Phase, the same at all parties.</param>
    /// <param name="root">The party that has it, the same at all.</param>
    /// <param name="buffer">What is sent, or where it goes; the same length at all parties.</param>
    /// <param name="cancel">Ends the wait at once, and the group.</param>
    public void Broadcast(long step, byte phase, int root, Memory<byte> buffer, CancellationToken cancel = default)
    {
        RequireParty(root);
        Complete(new Assignment(Operation.Broadcast, step, phase, null, [], buffer, 0, root), cancel);
    }

    /// <summary>One party's buffer goes to one other, chunk by chunk: how a state of any size travels. Only these two call.</summary>
    /// <param name="step">Step, the same at both.</param>
    /// <param name="phase">Phase, the same at both.</param>
    /// <param name="from">The party that has it.</param>
    /// <param name="to">The party that gets it.</param>
    /// <param name="buffer">What is sent, or where it goes; the same length at both.</param>
    /// <param name="cancel">Ends the wait at once, and the group.</param>
    public void Transfer(long step, byte phase, int from, int to, Memory<byte> buffer, CancellationToken cancel = default)
    {
        RequireParty(from);
        RequireParty(to);
        if (from == to || (Self != from && Self != to))
        {
            throw new ArgumentException($"a transfer from party {from} to party {to} is not one of party {Self}", nameof(to));
        }

        Complete(new Assignment(Operation.Transfer, step, phase, null, [], buffer, 0, from, to), cancel);
    }

    private void Complete(in Assignment task, CancellationToken cancel)
    {
        cancel.ThrowIfCancellationRequested();
        using var pending = Begin(task, handOver: false);
        pending.Wait(cancel);
    }

    private void RequireParty(int party)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(party);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(party, Parties.Count);
    }
}
