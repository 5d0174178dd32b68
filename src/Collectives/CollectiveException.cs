namespace Ganymede.Collectives;

/// <summary>An all-reduce that did not complete. The group is dead afterwards: a newer view is needed. The message says all that the
/// properties say.</summary>
public class CollectiveException(
    string message, string party, long step, int phase, int chunk, TimeSpan waited, Exception? inner = null)
    : Exception(message, inner)
{
    /// <summary>The party that caused it, as named in the view.</summary>
    public string Party { get; } = party;

    /// <summary>The step in which this party was, or -1 outside of one.</summary>
    public long Step { get; } = step;

    /// <summary>The phase in which this party was, or -1 outside of one.</summary>
    public int Phase { get; } = phase;

    /// <summary>The chunk that was awaited of <see cref="Party"/>, or -1 if none.</summary>
    public int Chunk { get; } = chunk;

    /// <summary>How long nothing had come from <see cref="Party"/>.</summary>
    public TimeSpan Waited { get; } = waited;
}

/// <summary>The parties' fingerprints of their own state differ: <see cref="CollectiveException.Party"/> is the one (or a comma-separated
/// list of those) that differs from the majority, or from this one where there is none.</summary>
public sealed class DivergenceException(
    string message, string party, long step, int phase, TimeSpan waited, Exception? inner = null)
    : CollectiveException(message, party, step, phase, -1, waited, inner);
