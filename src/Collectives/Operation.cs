namespace Ganymede.Collectives;

/// <summary>What an exchange does. The numbers are on the wire.</summary>
internal enum Operation : byte
{
    AllReduce = 0,

    /// <summary>Each party ends with the sum of its own range alone.</summary>
    ReduceScatter = 1,

    /// <summary>Each party's range goes to all.</summary>
    AllGather = 2,

    /// <summary>One party's whole buffer goes to all.</summary>
    Broadcast = 3,

    /// <summary>One party's whole buffer goes to one other.</summary>
    Transfer = 4,
}

/// <summary>One exchange, as its caller wants it.</summary>
/// <param name="Type">Type of an element; null for bytes that are not summed.</param>
/// <param name="Partials">This party's maximal complete subtrees; none where nothing is summed.</param>
/// <param name="Buffer">What is exchanged, or receives the result.</param>
/// <param name="From">The party whose buffer goes out; -1 where each has a range.</param>
/// <param name="To">The party it goes to; -1 for all.</param>
internal readonly record struct Assignment(
    Operation Operation, long Step, byte Phase, ElementType? Type, IReadOnlyList<(Subtree Node, ReadOnlyMemory<byte> Sum)> Partials, Memory<byte> Buffer,
    ulong Fingerprint, int From = -1, int To = -1)
{
    public bool Sums => Operation is Operation.AllReduce or Operation.ReduceScatter;
}
