using System.Buffers;
using MessagePack;

namespace Ganymede.Collectives;

/// <summary>Payload of an Abort frame: array (party to blame, whether it is a divergence, why).</summary>
internal static class AbortNotice
{
    public const int LimitBytes = 1024;

    public static byte[] Write(int party, bool divergence, string text)
    {
        var buffer = new ArrayBufferWriter<byte>(LimitBytes);
        var writer = new MessagePackWriter(buffer);
        writer.WriteArrayHeader(3);
        writer.Write(party);
        writer.Write(divergence);
        writer.Write(Handshake.Shorten(text, 250));
        writer.Flush();
        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>What the payload says; also if it cannot be read.</summary>
    public static LinkException Read(ReadOnlyMemory<byte> payload, int parties)
    {
        try
        {
            var reader = new MessagePackReader(payload);
            _ = reader.ReadArrayHeader();
            var (party, divergence) = (reader.ReadInt32(), reader.ReadBoolean());
            var text = Handshake.Shorten(Handshake.ReadText(ref reader, LimitBytes), 250);
            return party >= 0 && party < parties
                ? new PeerAbortException(party, divergence, text)
                : new LinkException("sent a notice that blames nobody of this view");
        }
        catch (Exception error) when (error is not LinkException)
        {
            return new LinkException("sent a notice that cannot be read", error);
        }
    }
}

/// <summary>The peer's group is dead, by its own account.</summary>
internal sealed class PeerAbortException(int party, bool divergence, string text) : LinkException(text)
{
    public Fault ToFault(int peer, string peerName, int chunk) => party == peer
        ? new Fault(peer, Message, chunk, default, this) { Divergence = divergence }
        : new Fault(party, $"{Message}, says party '{peerName}'", -1, default, this) { Divergence = divergence };
}
