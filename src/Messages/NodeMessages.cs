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
    [property: Key(5)] int ProcessId) : IClusterMessage;

/// <summary>Coordinator to node: I know you.</summary>
[MessagePackObject]
public sealed record NodeRegistered([property: Key(0)] NodeId Node) : IClusterMessage;
