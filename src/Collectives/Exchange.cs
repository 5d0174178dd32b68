namespace Ganymede.Collectives;

/// <summary>
/// One exchange in progress: the caller's memory, and a window of chunk slots into which the others' partial sums of this party's
/// range are received. Reused for every phase. A chunk is summed when its last piece has come, still in the cache; its result is sent
/// while later pieces arrive. Used by one thread at a time.
/// </summary>
internal sealed class Exchange(ReductionPlan plan, int parties, int self, int chunkBytes, WireFormat wire)
{
    private const int WindowBytes = 16 << 20;
    private const int MaxWindow = 8;

    private const byte Bfloat16OnWire = 3;

    private readonly ReadOnlyMemory<byte>[] _own = new ReadOnlyMemory<byte>[plan.NodesOf[self].Length];
    private readonly ReadOnlyMemory<byte>[] _roundedOwn = new ReadOnlyMemory<byte>[plan.NodesOf[self].Length];
    private readonly int _window = plan.RemoteLeaves == 0
        ? 1
        : (int)Math.Clamp(WindowBytes / ((long)plan.RemoteLeaves * chunkBytes), 2, MaxWindow);

    private readonly Stack<int> _freeSlots = new(MaxWindow);
    private byte[] _slots = [];
    private int[] _slotOf = [];
    private int[] _missing = [];
    private bool[] _summed = [];
    private ulong[] _checksums = [];
    private byte[] _rounded = [];
    private byte[] _roundedResults = [];
    private Assignment _task;

    public Operation Operation => _task.Operation;

    public long Step => _task.Step;

    public byte Phase => _task.Phase;

    public ulong Fingerprint => _task.Fingerprint;

    /// <summary>Bytes of an element in the caller's memory; 1 where nothing is summed.</summary>
    public int ElementSize { get; private set; } = 1;

    /// <summary>Code of the elements on the wire: an <see cref="ElementType"/>, 3 for bfloat16, 0 for bytes.</summary>
    public byte WireType { get; private set; }

    /// <summary>Whether float32 travels as bfloat16.</summary>
    public bool IsRounded => WireType == Bfloat16OnWire;

    public ChunkLayout Layout { get; private set; }

    /// <summary>Chunks of this party's own range.</summary>
    public int OwnChunks { get; private set; }

    public int Elements => Layout.Bytes / ElementSize;

    /// <summary>Length on the wire of so many bytes in memory.</summary>
    public int WireBytes(int length) => IsRounded ? length / 2 : length;

    public bool Involves(int party) => _task.To < 0 || (self == _task.From && party == _task.To) || (self == _task.To && party == _task.From);

    /// <summary>Chunks of which one party sends its pieces to another.</summary>
    public int PieceChunks(int from, int to) => _task.Sums && plan.NodesOf[from].Length > 0 ? Layout.Chunks(to) : 0;

    /// <summary>Chunks that a party sends to all others.</summary>
    public int ResultChunks(int owner) => Operation == Operation.ReduceScatter ? 0 : Layout.Chunks(owner);

    public Memory<byte> Result(int offset, int length) => _task.Buffer.Slice(offset, length);

    public ReadOnlyMemory<byte> Own(int node, int offset, int length) => _own[node].Slice(offset, length);

    /// <summary>A chunk of this party's range as it is sent, with its checksum. Only of a chunk that is summed.</summary>
    public (ReadOnlyMemory<byte> Payload, ulong Checksum) OwnResult(int chunk)
    {
        var (offset, length) = Layout.Chunk(self, chunk);
        ReadOnlyMemory<byte> payload = IsRounded ? _roundedResults.AsMemory((offset - Layout.Start(self)) / 2, length / 2) : _task.Buffer.Slice(offset, length);
        if (!_task.Sums && _checksums[chunk] == 0)
        {
            _checksums[chunk] = PayloadChecksum.Of(payload.Span);
        }

        return (payload, _checksums[chunk]);
    }

    public bool IsSummed(int chunk) => _summed[chunk];

    /// <summary>Finds a slot for a chunk of which a piece is to come. Without one the peer is held back, here and by TCP, until the others have caught up:
    /// it has sent its pieces of all earlier chunks, so these have slots, and the others' pieces will free them.</summary>
    public bool HasRoomFor(int chunk)
    {
        if (_slotOf[chunk] < 0 && _freeSlots.TryPop(out var slot))
        {
            _slotOf[chunk] = slot;
        }

        return _slotOf[chunk] >= 0;
    }

    /// <summary>Where a piece goes. Only after <see cref="HasRoomFor"/>.</summary>
    public Memory<byte> Slot(int chunk, int remoteLeaf, int length) =>
        _slots.AsMemory((_slotOf[chunk] * plan.RemoteLeaves + remoteLeaf) * chunkBytes, length);

    /// <summary>Counts a piece that lies in its slot; true for the last one of the chunk.</summary>
    public bool PieceArrived(int chunk) => --_missing[chunk] == 0;

    public void Sum(int chunk)
    {
        var (offset, length) = Layout.Chunk(self, chunk);
        var slots = plan.RemoteLeaves == 0
            ? default
            : _slots.AsSpan(_slotOf[chunk] * plan.RemoteLeaves * chunkBytes, plan.RemoteLeaves * chunkBytes);
        var result = _task.Buffer.Span.Slice(offset, length);
        if (IsRounded)
        {
            SumRounded(offset, slots, result);
        }
        else
        {
            plan.Sum(_task.Type!.Value, _own, offset, slots, chunkBytes, result);
        }

        _summed[chunk] = true;
        if (parties > 1)
        {
            _checksums[chunk] = PayloadChecksum.Of(OwnResult(chunk).Payload.Span);
        }

        if (plan.RemoteLeaves > 0)
        {
            _freeSlots.Push(_slotOf[chunk]); // the next to be used: it is still in the cache
        }
    }

    public void Start(in Assignment task)
    {
        _task = task;
        ElementSize = task.Type?.Size() ?? 1;
        WireType = task.Type is not { } type ? (byte)0
            : wire == WireFormat.Bfloat16 && type == ElementType.Float32 && parties > 1 ? Bfloat16OnWire : (byte)type;
        Layout = new ChunkLayout(task.Buffer.Length, parties, chunkBytes, task.From);
        OwnChunks = Layout.Chunks(self);
        for (var i = 0; task.Sums && i < _own.Length; i++)
        {
            _own[i] = task.Partials[i].Sum;
        }

        if (_missing.Length < OwnChunks)
        {
            _missing = new int[OwnChunks];
            _slotOf = new int[OwnChunks];
            _summed = new bool[OwnChunks];
            _checksums = new ulong[OwnChunks];
        }

        var slots = task.Sums ? Math.Min(_window, OwnChunks) * plan.RemoteLeaves * chunkBytes : 0;
        Provide(ref _slots, slots);
        if (IsRounded)
        {
            Provide(ref _roundedResults, Layout.RangeBytes(self) / 2);
            Provide(ref _rounded, _own.Length * chunkBytes);
        }

        Array.Fill(_missing, plan.RemoteLeaves, 0, OwnChunks);
        Array.Fill(_summed, !task.Sums, 0, OwnChunks);
        Array.Clear(_checksums, 0, OwnChunks);
        Array.Fill(_slotOf, -1, 0, OwnChunks);
        _freeSlots.Clear();
        for (var slot = Math.Min(_window, OwnChunks) - 1; slot >= 0; slot--)
        {
            _freeSlots.Push(slot);
        }
    }

    /// <summary>Forgets the caller's memory.</summary>
    public void End()
    {
        Array.Clear(_own);
        _task = default;
    }

    /// <summary>This party's own sums are rounded as those that came by wire, and the sum as all others get it.</summary>
    private void SumRounded(int offset, Span<byte> slots, Span<byte> result)
    {
        for (var node = 0; node < _own.Length; node++)
        {
            var rounded = _rounded.AsMemory(node * chunkBytes, result.Length);
            var narrow = rounded.Span[(result.Length / 2)..];
            Bfloat16.Narrow(_own[node].Span.Slice(offset, result.Length), narrow);
            Bfloat16.Widen(narrow, rounded.Span);
            _roundedOwn[node] = rounded;
        }

        plan.Sum(ElementType.Float32, _roundedOwn, 0, slots, chunkBytes, result);
        var wire = _roundedResults.AsSpan((offset - Layout.Start(self)) / 2, result.Length / 2);
        Bfloat16.Narrow(result, wire);
        Bfloat16.Widen(wire, result);
    }

    private static void Provide(ref byte[] buffer, int length)
    {
        if (buffer.Length < length)
        {
            buffer = GC.AllocateUninitializedArray<byte>(length, pinned: true);
        }
    }
}
