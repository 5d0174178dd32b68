using System.Net.Sockets;

namespace Ganymede.Collectives;

/// <summary>
/// Frames over one blocking socket, for files. Payloads go straight from and into the caller's memory; only headers, and what came with them,
/// pass through a small buffer. One thread may send while another receives.
/// </summary>
internal sealed class FrameStream(Socket socket)
{
    // A frame up to this size goes out in one call, header and payload together: one packet instead of two.
    private const int GatheredBytes = 16 * 1024;
    private const int ReadAheadBytes = 4 * 1024;

    private readonly FixedBufferWriter _outgoing = new(GC.AllocateUninitializedArray<byte>(GatheredBytes + 512, pinned: true));
    private readonly byte[] _incoming = GC.AllocateUninitializedArray<byte>(ReadAheadBytes, pinned: true);
    private int _start;
    private int _end;

    public Socket Socket { get; } = socket;

    public void Send(in FrameHeader header, ReadOnlySpan<byte> payload)
    {
        _outgoing.Written = 0;
        header.Write(_outgoing);
        if (payload.Length <= GatheredBytes)
        {
            payload.CopyTo(_outgoing.Buffer.AsSpan(_outgoing.Written));
            SendAll(_outgoing.Buffer.AsSpan(0, _outgoing.Written + payload.Length));
        }
        else
        {
            SendAll(_outgoing.Buffer.AsSpan(0, _outgoing.Written));
            SendAll(payload);
        }
    }

    public FrameHeader ReceiveHeader()
    {
        if (_start == _end)
        {
            _start = _end = 0;
        }
        else if (_incoming.Length - _start < FrameHeader.Length)
        {
            _incoming.AsSpan(_start.._end).CopyTo(_incoming);
            (_start, _end) = (0, _end - _start);
        }

        while (_end - _start < FrameHeader.Length)
        {
            _end += Receive(_incoming.AsSpan(_end), insideFrame: _end > _start);
        }

        var header = FrameHeader.Read(_incoming.AsMemory(_start, FrameHeader.Length));
        _start += FrameHeader.Length;
        return header;
    }

    /// <summary>Fills <paramref name="target"/> with the payload and verifies its checksum.</summary>
    public void ReceivePayload(in FrameHeader header, Span<byte> target)
    {
        var ready = Math.Min(target.Length, _end - _start);
        _incoming.AsSpan(_start, ready).CopyTo(target);
        _start += ready;
        for (var rest = target[ready..]; rest.Length > 0;)
        {
            rest = rest[Receive(rest, insideFrame: true)..];
        }

        Verify(header, target);
    }

    public static void Verify(in FrameHeader header, ReadOnlySpan<byte> payload)
    {
        if (PayloadChecksum.Of(payload) != header.Checksum)
        {
            throw new LinkException($"sent a frame whose checksum is wrong ({header.Kind}, offset {header.Offset}, {payload.Length} bytes)");
        }
    }

    public static LinkException Closed(bool insideFrame) => new(insideFrame ? "closed the connection in the middle of a frame" : "closed the connection");

    public static LinkException Broken(Exception error) => new(error is SocketException broken ? Describe(broken.SocketErrorCode) : "lost the connection", error);

    private int Receive(Span<byte> target, bool insideFrame)
    {
        var count = Socket.Receive(target, SocketFlags.None, out var error);
        if (error != SocketError.Success)
        {
            throw Broken(new SocketException((int)error));
        }

        if (count == 0)
        {
            throw Closed(insideFrame);
        }

        Traffic.Received(count);
        return count;
    }

    private void SendAll(ReadOnlySpan<byte> bytes)
    {
        while (bytes.Length > 0)
        {
            var count = Socket.Send(bytes, SocketFlags.None, out var error);
            if (error != SocketError.Success)
            {
                throw Broken(new SocketException((int)error));
            }

            Traffic.Sent(count);
            bytes = bytes[count..];
        }
    }

    private static string Describe(SocketError error) => error switch
    {
        SocketError.ConnectionReset => "reset the connection",
        SocketError.ConnectionAborted or SocketError.Shutdown => "closed the connection",
        SocketError.TimedOut or SocketError.WouldBlock => "did not go on within the deadline",
        _ => $"lost the connection ({error})",
    };
}
