using System.Buffers;
using System.Buffers.Binary;
using MessagePack;

namespace Ganymede.Collectives;

internal enum FrameKind : byte
{
    /// <summary>First of a phase: Count is the length of the whole buffer; the payload the fingerprints of those the sender speaks for, 8 bytes each.</summary>
    Begin = 1,

    /// <summary>The sender's sum of subtree Node, one chunk of the range that the receiver sums.</summary>
    Piece = 2,

    /// <summary>The sum over all shards, one chunk of a range that the sender has.</summary>
    Result = 3,

    /// <summary>The sender's group is dead; the payload says why.</summary>
    Abort = 4,

    /// <summary>A part of a file: Offset and Count in bytes.</summary>
    File = 5,

    /// <summary>The sender lives, and waits for others itself. No payload.</summary>
    Waiting = 6,
}

/// <summary>
/// What precedes a payload: a MessagePack array of ten integers, then the head of a MessagePack bin. The integers are written in
/// fixed-width formats, so that a header always has <see cref="Length"/> bytes and needs no length prefix of its own.
/// </summary>
internal readonly record struct FrameHeader(
    FrameKind Kind, long View, long Step, byte Phase, int Bucket, int Node, long Offset, int Count, byte Type, ulong Checksum, int PayloadBytes)
{
    public const int Length = ArrayLength + 5;
    private const int ArrayLength = 1 + 2 + 9 + 9 + 2 + 5 + 5 + 9 + 5 + 2 + 9;
    private const byte Bin32 = 0xc6;

    /// <summary>Writes <see cref="Length"/> bytes.</summary>
    public void Write(FixedBufferWriter target)
    {
        var writer = new MessagePackWriter(target);
        writer.WriteArrayHeader(10);
        writer.WriteUInt8((byte)Kind);
        writer.WriteInt64(View);
        writer.WriteInt64(Step);
        writer.WriteUInt8(Phase);
        writer.WriteInt32(Bucket);
        writer.WriteInt32(Node);
        writer.WriteInt64(Offset);
        writer.WriteInt32(Count);
        writer.WriteUInt8(Type);
        writer.WriteUInt64(Checksum);
        writer.Flush();
        var bin = target.GetSpan(5);
        bin[0] = Bin32;
        BinaryPrimitives.WriteInt32BigEndian(bin[1..], PayloadBytes);
        target.Advance(5);
    }

    /// <exception cref="LinkException">Anything else than a header.</exception>
    public static FrameHeader Read(ReadOnlyMemory<byte> bytes)
    {
        try
        {
            var reader = new MessagePackReader(bytes[..ArrayLength]);
            if (reader.ReadArrayHeader() != 10)
            {
                throw new LinkException("sent something that is not a frame");
            }

            var kind = (FrameKind)reader.ReadByte();
            var header = new FrameHeader(
                kind, reader.ReadInt64(), reader.ReadInt64(), reader.ReadByte(), reader.ReadInt32(), reader.ReadInt32(),
                reader.ReadInt64(), reader.ReadInt32(), reader.ReadByte(), reader.ReadUInt64(), 0);
            var bin = bytes.Span[ArrayLength..Length];
            var payload = BinaryPrimitives.ReadInt32BigEndian(bin[1..]);
            if (reader.Consumed != ArrayLength || bin[0] != Bin32 || payload < 0)
            {
                throw new LinkException("sent something that is not a frame");
            }

            return header with { PayloadBytes = payload };
        }
        catch (Exception error) when (error is not LinkException)
        {
            throw new LinkException("sent something that is not a frame", error);
        }
    }
}

/// <summary>Why a connection is of no more use; continues a sentence that begins with the peer's name.</summary>
internal class LinkException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>Lets a MessagePackWriter write into one array that is kept.</summary>
internal sealed class FixedBufferWriter(byte[] buffer) : IBufferWriter<byte>
{
    public int Written { get; set; }

    public byte[] Buffer { get; } = buffer;

    public void Advance(int count) => Written += count;

    public Memory<byte> GetMemory(int sizeHint = 0) => Buffer.AsMemory(Written);

    public Span<byte> GetSpan(int sizeHint = 0) => Buffer.AsSpan(Written);
}
