namespace Ganymede.Collectives;

/// <summary>A party of a view: one process with all its replicas.</summary>
/// <param name="Name">Unique in the view, 1..128 bytes of UTF-8.</param>
/// <param name="Host">Address or host name of its data plane.</param>
/// <param name="Port">Port of its data plane.</param>
/// <param name="Shards">The shards it computes; may be empty.</param>
public sealed record PartyAddress(string Name, string Host, int Port, ShardRange Shards);
