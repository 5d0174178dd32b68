using MessagePack;

namespace Ganymede.Messages;

/// <summary>Names one GPU node process for as long as it lives; a restarted process gets a new id.</summary>
[MessagePackObject]
public readonly record struct NodeId([property: Key(0)] string Value)
{
    public override string ToString() => Value;
}

/// <summary>Names one training run in its cluster, and the frames of its data plane.</summary>
[MessagePackObject]
public readonly record struct RunId([property: Key(0)] string Value)
{
    public override string ToString() => Value;
}

/// <summary>Names one generation job in its cluster.</summary>
[MessagePackObject]
public readonly record struct JobId([property: Key(0)] string Value)
{
    public override string ToString() => Value;
}
