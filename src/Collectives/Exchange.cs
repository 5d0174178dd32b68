namespace Ganymede.Collectives;

/// <summary>A part of a buffer in bytes, and the chunks it goes in.</summary>
internal readonly record struct ChunkRange(int Start, int Length, int ChunkBytes)
{
    public int End => Start + Length;

    public int Chunks => Length == 0 ? 0 : (int)(((long)Length + ChunkBytes - 1) / ChunkBytes);

    /// <summary>Offset in the whole buffer and length of a chunk, in bytes.</summary>
    public (int Offset, int Length) Chunk(int chunk) => (Start + chunk * ChunkBytes, Math.Min(ChunkBytes, Length - chunk * ChunkBytes));
}

/// <summary>All that goes from one party to another in an exchange, which both know beforehand: what opens it, the sums of some nodes in one range, then the
/// result in another.</summary>
/// <param name="Speakers">The parties whose fingerprints the opening frame has, in this order.</param>
/// <param name="Nodes">Heap numbers of the subtrees whose sums go.</param>
/// <param name="Pieces">The range of these sums; empty without nodes.</param>
/// <param name="Results">The range of the result.</param>
internal readonly record struct Route(int[] Speakers, int[] Nodes, ChunkRange Pieces, ChunkRange Results);

/// <summary>
/// One exchange in progress: the caller's memory, and what has come of it. Says what goes between this party and each other one, where it is put, and when what
/// depends on it can be sent. Reused for every phase; used by one thread at a time.
/// </summary>
internal abstract class Exchange(int parties, WireFormat wire)
{
    private const byte Bfloat16OnWire = 3;

    public Operation Operation => Task.Operation;

    /// <summary>What is said on the wire of operation and algorithm.</summary>
    public virtual int Code => (int)Operation;

    public long Step => Task.Step;

    public byte Phase => Task.Phase;

    /// <summary>Bytes of an element in the caller's memory; 1 where nothing is summed.</summary>
    public int ElementSize { get; private set; } = 1;

    /// <summary>Code of the elements on the wire: an <see cref="ElementType"/>, 3 for bfloat16, 0 for bytes.</summary>
    public byte WireType { get; private set; }

    /// <summary>Whether float32 travels as bfloat16.</summary>
    public bool IsRounded => WireType == Bfloat16OnWire;

    public int Elements => Task.Buffer.Length / ElementSize;

    /// <summary>Whether a party that waits for a third says so now and then, as those who wait for it do not see the third.</summary>
    public virtual bool IsRelayed => false;

    protected Assignment Task { get; private set; }

    /// <summary>Length on the wire of so many bytes in memory.</summary>
    public int WireBytes(int length) => IsRounded ? length / 2 : length;

    public Memory<byte> Result(int offset, int length) => Task.Buffer.Slice(offset, length);

    public virtual void Start(in Assignment task)
    {
        Task = task;
        ElementSize = task.Type?.Size() ?? 1;
        WireType = task.Type is not { } type ? (byte)0
            : wire == WireFormat.Bfloat16 && type == ElementType.Float32 && parties > 1 ? Bfloat16OnWire : (byte)type;
    }

    /// <summary>Forgets the caller's memory.</summary>
    public virtual void End() => Task = default;

    /// <summary>Whether anything goes between this party and that one.</summary>
    public abstract bool Involves(int party);

    /// <summary>What this party sends to that one.</summary>
    public abstract Route To(int party);

    /// <summary>What comes from that party.</summary>
    public abstract Route From(int party);

    /// <summary>Whether that party needs nobody else for the sums that it owes this one.</summary>
    public abstract bool IsOwnWork(int party);

    /// <summary>Whether the opening frame and the sums can go.</summary>
    public abstract bool MaySend(int party);

    /// <summary>A chunk of the sum of one of <see cref="To"/>'s nodes.</summary>
    public abstract ReadOnlyMemory<byte> Piece(int party, int node, int offset, int length);

    /// <summary>Whether a chunk of the result can go.</summary>
    public abstract bool MaySendResult(int party, int chunk);

    /// <summary>A chunk of the result as it is sent, with its checksum.</summary>
    public abstract (ReadOnlyMemory<byte> Payload, ulong Checksum) ResultFor(int party, int chunk);

    /// <summary>Finds room for a chunk of which a sum is to come. Without it the party is held back.</summary>
    public abstract bool HasRoomFor(int chunk);

    /// <summary>Where the sum of one of <see cref="From"/>'s nodes goes. Only after <see cref="HasRoomFor"/>.</summary>
    public abstract Memory<byte> Place(int party, int chunk, int node, int length);

    /// <summary>The opening frame has come.</summary>
    public abstract void Opened(int party);

    /// <summary>A sum lies in its place; what can be summed now, is.</summary>
    public abstract void PieceArrived(int party, int chunk);

    /// <summary>A chunk of the result lies in its place.</summary>
    public abstract void ResultArrived(int party);

    /// <summary>Enlarges a buffer if it is too small; what was in it is lost.</summary>
    protected static void Provide(ref byte[] buffer, int length)
    {
        if (buffer.Length < length)
        {
            buffer = GC.AllocateUninitializedArray<byte>(length, pinned: true);
        }
    }
}
