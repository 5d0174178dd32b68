namespace Ganymede.Collectives;

/// <summary>Which party sums which bytes of a buffer, and the chunks this goes in. Ranges are contiguous, in party order, cut at
/// multiples of 64 bytes and as equal as that allows; some are empty if there is less to do than parties. With an
/// Owner, all is that party's.</summary>
internal readonly record struct ChunkLayout(int Bytes, int Parties, int ChunkBytes, int Owner = -1)
{
    private const int Alignment = 64;

    public int Start(int party) => Owner >= 0
        ? party <= Owner ? 0 : Bytes
        : (int)Math.Min(Bytes, ((long)Bytes + Alignment - 1) / Alignment * party / Parties * Alignment);

    public int RangeBytes(int party) => Start(party + 1) - Start(party);

    public ChunkRange Range(int party) => new(Start(party), RangeBytes(party), ChunkBytes);

    public int Chunks(int party) => Range(party).Chunks;

    /// <summary>Offset in the whole buffer and length of a chunk, in bytes.</summary>
    public (int Offset, int Length) Chunk(int party, int chunk) => Range(party).Chunk(chunk);
}
