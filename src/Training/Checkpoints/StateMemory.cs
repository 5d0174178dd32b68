namespace Ganymede.Training;

/// <summary>
/// Memory for one copy of a replica's state, used again for the next one: a run that writes checkpoints for days holds one copy, and
/// leaves no garbage. Not thread safe; whoever copies must know that the copy before is done with.
/// </summary>
public sealed class StateMemory
{
    private readonly List<byte[]> _tensors = [];
    private int _next;

    /// <summary>The copy before is given up; the next takes its place.</summary>
    internal void Reset() => _next = 0;

    /// <summary>Room for the next tensor. Copies of one replica ask for the same sizes in the same order.</summary>
    internal byte[] Take(int bytes)
    {
        if (_next == _tensors.Count)
            _tensors.Add(new byte[bytes]);
        else if (_tensors[_next].Length != bytes)
            _tensors[_next] = new byte[bytes];
        return _tensors[_next++];
    }
}
