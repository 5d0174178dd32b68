using MessagePack;

namespace Ganymede.Messages;

/// <summary>Node to Coordinator, every few seconds: I am here, this is what I have. Repeating it is harmless.</summary>
/// <param name="DataHost">Host name or address at which other members reach this node's data plane.</param>
/// <param name="DataPort">TCP port of the data plane.</param>
/// <param name="Devices">One entry a replica: <c>cpu</c>, <c>cuda:0</c>, …</param>
/// <param name="ThreadsPerReplica">Libtorch threads of each replica; part of what fixes the bits of a result.</param>
[MessagePackObject]
public sealed record RegisterNode(
    [property: Key(0)] NodeId Node,
    [property: Key(1)] string DataHost,
    [property: Key(2)] int DataPort,
    [property: Key(3)] string[] Devices,
    [property: Key(4)] int ThreadsPerReplica,
    [property: Key(5)] int ProcessId) : IClusterMessage
{
    /// <summary>The run this node has a part in, if any: a Coordinator that does not know it takes it over.</summary>
    [Key(6)]
    public ActiveRun? Run { get; init; }

    /// <summary>Who drained this node, if anybody did: the node remembers it for a Coordinator that comes later.</summary>
    [Key(7)]
    public string? DrainedBy { get; init; }
}

/// <summary>A run that goes on, and the folder in which the Coordinator that began it wrote down what it is.</summary>
[MessagePackObject]
public sealed record ActiveRun(
    [property: Key(0)] RunId Run,
    [property: Key(1)] string Folder);

/// <summary>Coordinator to node: I know you.</summary>
[MessagePackObject]
public sealed record NodeRegistered([property: Key(0)] NodeId Node) : IClusterMessage;

/// <summary>Coordinator to node: you are drained, or no longer. You say so when you register.</summary>
/// <param name="By">Who drained it; null for no longer.</param>
[MessagePackObject]
public sealed record NodeDrained([property: Key(0)] string? By) : IClusterMessage;
