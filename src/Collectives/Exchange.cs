namespace Ganymede.Collectives;

/// <summary>
/// One all-reduce in progress: the caller's memory, and a window of chunk slots into which the others' partial sums of this party's
/// range are received. Reused for every phase. A chunk is summed when its last piece has come, still in the cache; its result is sent
/// while later pieces arrive. Used by one thread at a time.
/// </summary>
internal sealed class Exchange(ReductionPlan plan, int parties, int self, int chunkBytes)
{
    private const int WindowBytes = 16 << 20;
    private const int MaxWindow = 8;

    private readonly ReadOnlyMemory<byte>[] _own = new ReadOnlyMemory<byte>[plan.NodesOf[self].Length];
    private readonly int _window = plan.RemoteLeaves == 0
        ? 1
        : (int)Math.Clamp(WindowBytes / ((long)plan.RemoteLeaves * chunkBytes), 2, MaxWindow);

    private readonly int[] _roomFor = new int[MaxWindow];
    private byte[] _slots = [];
    private int[] _missing = [];
    private bool[] _summed = [];
    private ulong[] _checksums = [];
    private Memory<byte> _result;

    public long Step { get; private set; }

    public byte Phase { get; private set; }

    public ElementType Type { get; private set; }

    public ulong Fingerprint { get; private set; }

    public int ElementSize { get; private set; } = 1;

    public ChunkLayout Layout { get; private set; }

    /// <summary>Chunks of this party's own range.</summary>
    public int OwnChunks { get; private set; }

    public int Elements => Layout.Bytes / ElementSize;

    public Memory<byte> Result(int offset, int length) => _result.Slice(offset, length);

    public ReadOnlyMemory<byte> Own(int node, int offset, int length) => _own[node].Slice(offset, length);

    public ulong Checksum(int chunk) => _checksums[chunk];

    public bool IsSummed(int chunk) => _summed[chunk];

    /// <summary>Whether the slot of a chunk is free. A peer that is ahead is held back here, and by TCP, until the others have caught up.</summary>
    public bool HasRoomFor(int chunk) => _roomFor[chunk % _window] == chunk;

    /// <summary>Where a piece goes. Only after <see cref="HasRoomFor"/>.</summary>
    public Memory<byte> Slot(int chunk, int remoteLeaf, int length) =>
        _slots.AsMemory((chunk % _window * plan.RemoteLeaves + remoteLeaf) * chunkBytes, length);

    /// <summary>Counts a piece that lies in its slot; true for the last one of the chunk.</summary>
    public bool PieceArrived(int chunk) => --_missing[chunk] == 0;

    public void Sum(int chunk)
    {
        var (offset, length) = Layout.Chunk(self, chunk);
        var slots = plan.RemoteLeaves == 0
            ? default
            : _slots.AsSpan(chunk % _window * plan.RemoteLeaves * chunkBytes, plan.RemoteLeaves * chunkBytes);
        var result = _result.Span.Slice(offset, length);
        plan.Sum(Type, _own, offset, slots, chunkBytes, result);
        if (parties > 1)
        {
            _checksums[chunk] = FrameStream.Checksum(result);
        }

        _summed[chunk] = true;
        _roomFor[chunk % _window] = chunk + _window;
    }

    public void Start(
        long step, byte phase, ElementType type, IReadOnlyList<(Subtree Node, ReadOnlyMemory<byte> Sum)> partials, Memory<byte> result, ulong fingerprint)
    {
        (Step, Phase, Type, Fingerprint) = (step, phase, type, fingerprint);
        ElementSize = type.Size();
        Layout = new ChunkLayout(result.Length, parties, chunkBytes);
        OwnChunks = Layout.Chunks(self);
        for (var i = 0; i < _own.Length; i++)
        {
            _own[i] = partials[i].Sum;
        }

        _result = result;
        if (_missing.Length < OwnChunks)
        {
            _missing = new int[OwnChunks];
            _summed = new bool[OwnChunks];
            _checksums = new ulong[OwnChunks];
        }

        var slots = Math.Min(_window, OwnChunks) * plan.RemoteLeaves * chunkBytes;
        if (_slots.Length < slots)
        {
            _slots = GC.AllocateUninitializedArray<byte>(slots, pinned: true);
        }

        Array.Fill(_missing, plan.RemoteLeaves, 0, OwnChunks);
        Array.Clear(_summed, 0, OwnChunks);
        for (var i = 0; i < _window; i++)
        {
            _roomFor[i] = i;
        }
    }

    /// <summary>Forgets the caller's memory.</summary>
    public void End()
    {
        Array.Clear(_own);
        _result = default;
    }
}
