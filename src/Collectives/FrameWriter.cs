using System.Net.Sockets;

namespace Ganymede.Collectives;

/// <summary>Frames on their way out of a socket that is never waited for. Large payloads go straight from the caller's memory, small ones with
/// their headers through a buffer, several frames in one call.</summary>
internal sealed class FrameWriter(Socket socket)
{
    /// <summary>A payload up to this size is copied.</summary>
    public const int CopiedBytes = 4 * 1024;

    private const int BufferBytes = 4 * (CopiedBytes + FrameHeader.Length);

    private readonly FixedBufferWriter _head = new(GC.AllocateUninitializedArray<byte>(BufferBytes, pinned: true));
    private ReadOnlyMemory<byte> _payload;
    private int _sent;

    public bool IsEmpty => _head.Written == 0 && _payload.IsEmpty;

    /// <summary>Whether one more frame can be appended: nothing may follow a payload that is not copied.</summary>
    public bool HasRoom => _payload.IsEmpty && BufferBytes - _head.Written >= FrameHeader.Length + CopiedBytes;

    /// <summary>Only if there is room. The payload must stay as it is until the writer is empty.</summary>
    public void Append(in FrameHeader header, ReadOnlyMemory<byte> payload)
    {
        header.Write(_head);
        if (payload.Length <= CopiedBytes)
        {
            payload.Span.CopyTo(_head.GetSpan());
            _head.Advance(payload.Length);
        }
        else
        {
            _payload = payload;
        }
    }

    /// <summary>Hands to the socket what it takes at once; the number of bytes.</summary>
    /// <exception cref="LinkException">The connection is broken.</exception>
    public int Flush()
    {
        var head = _head.Buffer.AsSpan(_sent.._head.Written);
        int count;
        try
        {
            count = Syscalls.Send(socket.SafeHandle, head, _payload.Span);
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            throw FrameStream.Broken(error);
        }

        Traffic.Sent(count);
        if (count < head.Length)
        {
            _sent += count;
            return count;
        }

        (_sent, _head.Written) = (0, 0);
        _payload = _payload[(count - head.Length)..];
        return count;
    }
}
