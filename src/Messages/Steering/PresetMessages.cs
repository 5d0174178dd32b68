using MessagePack;

namespace Ganymede.Messages;

/// <summary>Coordinator to a GPU node, which knows networks: what does this preset come to? Answered with <see cref="PresetResolved"/>.</summary>
/// <param name="Batch">In place of the preset's; 0 for that.</param>
/// <param name="Shards">In place of the preset's; 0 for that.</param>
[MessagePackObject]
public sealed record ResolvePreset(
    [property: Key(0)] string Preset,
    [property: Key(1)] string[] Overrides,
    [property: Key(2)] int Batch,
    [property: Key(3)] int Shards) : IClusterMessage;

/// <param name="Json">Canonical JSON of all keys.</param>
/// <param name="Problem">Why it cannot be trained; null when it can, and the rest counts.</param>
[MessagePackObject]
public sealed record PresetResolved(
    [property: Key(0)] string Name,
    [property: Key(1)] string Json,
    [property: Key(2)] int Size,
    [property: Key(3)] int Channels,
    [property: Key(4)] int Batch,
    [property: Key(5)] int Shards,
    [property: Key(6)] long Steps,
    [property: Key(7)] string? Problem) : IClusterMessage
{
    /// <summary>Updates of the discriminator a step.</summary>
    [Key(8)]
    public int CriticSteps { get; init; } = 1;
}
