namespace Ganymede.Collectives;

/// <summary>
/// The direct exchange: each party owns a range, all others send it their sums of that, and it sends the result to all. Two rounds, 2(N-1) messages a party. The others'
/// sums of this party's range are received into a window of chunk slots. A chunk is summed when its last piece has come, still in the cache; its result is sent
/// while later pieces arrive.
/// </summary>
internal sealed class DirectExchange : Exchange
{
    private const int WindowBytes = 16 << 20;
    private const int MaxWindow = 8;

    private readonly ReductionPlan _plan;
    private readonly int _parties;
    private readonly int _self;
    private readonly int _chunkBytes;
    private readonly int[][] _alone;
    private readonly int[][] _nodes;
    private readonly ReadOnlyMemory<byte>[] _own;
    private readonly ReadOnlyMemory<byte>[] _roundedOwn;
    private readonly Memory<byte>[] _remote;
    private readonly int _window;

    private readonly Stack<int> _freeSlots = new(MaxWindow);
    private byte[] _slots = [];
    private int[] _slotOf = [];
    private int[] _missing = [];
    private bool[] _summed = [];
    private ulong[] _checksums = [];
    private byte[] _rounded = [];
    private byte[] _roundedResults = [];
    private ChunkLayout _layout;

    public DirectExchange(ReductionPlan plan, int shards, int parties, int self, int chunkBytes, WireFormat wire)
        : base(parties, wire)
    {
        (_plan, _parties, _self, _chunkBytes) = (plan, parties, self, chunkBytes);
        _alone = [.. Enumerable.Range(0, parties).Select(party => new[] { party })];
        _nodes = [.. plan.NodesOf.Select(nodes => nodes.Select(node => node.HeapNumber(shards)).ToArray())];
        _own = new ReadOnlyMemory<byte>[plan.NodesOf[self].Length];
        _roundedOwn = new ReadOnlyMemory<byte>[_own.Length];
        _remote = new Memory<byte>[plan.RemoteLeaves];
        _window = plan.RemoteLeaves == 0 ? 1 : (int)Math.Clamp(WindowBytes / ((long)plan.RemoteLeaves * chunkBytes), 2, MaxWindow);
    }

    /// <summary>Chunks that this party can sum before anything has come.</summary>
    public int ChunksAlone => Task.Sums && _plan.RemoteLeaves == 0 ? OwnChunks : 0;

    /// <summary>Chunks of this party's own range.</summary>
    private int OwnChunks { get; set; }

    public override bool Involves(int party) =>
        Task.To < 0 || (_self == Task.From && party == Task.To) || (_self == Task.To && party == Task.From);

    public override Route To(int party) => Between(_self, party);

    public override Route From(int party) => Between(party, _self);

    public override bool IsOwnWork(int party) => true;

    public override bool MaySend(int party) => true;

    public override ReadOnlyMemory<byte> Piece(int party, int node, int offset, int length) => _own[node].Slice(offset, length);

    public override bool MaySendResult(int party, int chunk) => _summed[chunk];

    public override (ReadOnlyMemory<byte> Payload, ulong Checksum) ResultFor(int party, int chunk)
    {
        var (offset, length) = _layout.Chunk(_self, chunk);
        ReadOnlyMemory<byte> payload = IsRounded ? _roundedResults.AsMemory((offset - _layout.Start(_self)) / 2, length / 2) : Task.Buffer.Slice(offset, length);
        if (!Task.Sums && _checksums[chunk] == 0)
        {
            _checksums[chunk] = PayloadChecksum.Of(payload.Span);
        }

        return (payload, _checksums[chunk]);
    }

    /// <inheritdoc/>
    /// <remarks>Who is held back, here and by TCP, until the others have caught up, has sent its pieces of all earlier chunks: these have slots, and the others' pieces will free them.</remarks>
    public override bool HasRoomFor(int chunk)
    {
        if (_slotOf[chunk] < 0 && _freeSlots.TryPop(out var slot))
        {
            _slotOf[chunk] = slot;
        }

        return _slotOf[chunk] >= 0;
    }

    public override Memory<byte> Place(int party, int chunk, int node, int length) => Slot(chunk, _plan.RemoteNumberOf[party][node], length);

    public override void Opened(int party)
    {
        // All that it opens is under way already.
    }

    public override void PieceArrived(int party, int chunk)
    {
        if (--_missing[chunk] == 0)
        {
            Sum(chunk);
        }
    }

    public override void ResultArrived(int party)
    {
        // It lies where it belongs.
    }

    public override void Start(in Assignment task)
    {
        base.Start(task);
        _layout = new ChunkLayout(task.Buffer.Length, _parties, _chunkBytes, task.From);
        OwnChunks = _layout.Chunks(_self);
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

        var slots = task.Sums ? Math.Min(_window, OwnChunks) * _plan.RemoteLeaves * _chunkBytes : 0;
        Provide(ref _slots, slots);
        if (IsRounded)
        {
            Provide(ref _roundedResults, _layout.RangeBytes(_self) / 2);
            Provide(ref _rounded, _own.Length * _chunkBytes);
        }

        Array.Fill(_missing, _plan.RemoteLeaves, 0, OwnChunks);
        Array.Fill(_summed, !task.Sums, 0, OwnChunks);
        Array.Clear(_checksums, 0, OwnChunks);
        Array.Fill(_slotOf, -1, 0, OwnChunks);
        _freeSlots.Clear();
        for (var slot = Math.Min(_window, OwnChunks) - 1; slot >= 0; slot--)
        {
            _freeSlots.Push(slot);
        }
    }

    public override void End()
    {
        Array.Clear(_own);
        base.End();
    }

    /// <summary>Only once its last piece is here.</summary>
    public void Sum(int chunk)
    {
        var (offset, length) = _layout.Chunk(_self, chunk);
        for (var leaf = 0; leaf < _remote.Length; leaf++)
        {
            _remote[leaf] = Slot(chunk, leaf, length);
        }

        var result = Task.Buffer.Span.Slice(offset, length);
        if (IsRounded)
        {
            SumRounded(offset, result);
        }
        else
        {
            _plan.Sum(Task.Type!.Value, _own, offset, _remote, length, result);
        }

        _summed[chunk] = true;
        if (_parties > 1)
        {
            _checksums[chunk] = PayloadChecksum.Of(ResultFor(-1, chunk).Payload.Span);
        }

        if (_plan.RemoteLeaves > 0)
        {
            _freeSlots.Push(_slotOf[chunk]); // the next to be used: it is still in the cache
        }
    }

    private Route Between(int from, int to)
    {
        var pieces = Task.Sums && _nodes[from].Length > 0;
        return new Route(_alone[from], _nodes[from], pieces ? _layout.Range(to) : default, Operation == Operation.ReduceScatter ? default : _layout.Range(from));
    }

    private Memory<byte> Slot(int chunk, int remoteLeaf, int length) => _slots.AsMemory((_slotOf[chunk] * _plan.RemoteLeaves + remoteLeaf) * _chunkBytes, length);

    /// <summary>This party's own sums are rounded as those that came by wire, and the sum as all others get it.</summary>
    private void SumRounded(int offset, Span<byte> result)
    {
        for (var node = 0; node < _own.Length; node++)
        {
            var rounded = _rounded.AsMemory(node * _chunkBytes, result.Length);
            var narrow = rounded.Span[(result.Length / 2)..];
            Bfloat16.Narrow(_own[node].Span.Slice(offset, result.Length), narrow);
            Bfloat16.Widen(narrow, rounded.Span);
            _roundedOwn[node] = rounded;
        }

        _plan.Sum(ElementType.Float32, _roundedOwn, 0, _remote, result.Length, result);
        var wire = _roundedResults.AsSpan((offset - _layout.Start(_self)) / 2, result.Length / 2);
        Bfloat16.Narrow(result, wire);
        Bfloat16.Widen(wire, result);
    }
}
