namespace Ganymede.Collectives;

/// <summary>Why a group died.</summary>
/// <param name="Party">Index of the party to blame; -1 for this one's own caller.</param>
/// <param name="Text">Continues a sentence that begins with the party's name.</param>
/// <param name="Chunk">The chunk awaited of it, or -1.</param>
/// <param name="Waited">How long nothing had come from it.</param>
internal sealed record Fault(int Party, string Text, int Chunk, TimeSpan Waited, Exception? Inner = null)
{
    public bool Divergence { get; init; }

    /// <summary>Names of all that diverged, where it is more than <see cref="Party"/>.</summary>
    public string? Parties { get; init; }

    public CancellationToken? Cancelled { get; init; }
}
