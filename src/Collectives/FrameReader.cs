using System.Net.Sockets;

namespace Ganymede.Collectives;

/// <summary>Frames on their way in, from a socket that is never waited for: payloads go straight into the memory they are for; only headers, and
/// what comes with them, pass through a small buffer.</summary>
internal sealed class FrameReader(Socket socket)
{
    private const int BufferBytes = 4 * 1024;

    private readonly byte[] _buffer = GC.AllocateUninitializedArray<byte>(BufferBytes, pinned: true);
    private int _start;
    private int _end;
    private Memory<byte> _payload;
    private int _missing;

    /// <summary>Whether all of the payload has come that was asked for last.</summary>
    public bool IsPayloadThere => _missing == 0;

    /// <summary>The payload that was asked for last.</summary>
    public Span<byte> Payload => _payload.Span;

    /// <exception cref="LinkException">What has come is not a header.</exception>
    public bool TryReadHeader(out FrameHeader header)
    {
        if (_end - _start < FrameHeader.Length)
        {
            header = default;
            return false;
        }

        header = FrameHeader.Read(_buffer.AsMemory(_start, FrameHeader.Length));
        _start += FrameHeader.Length;
        return true;
    }

    /// <summary>Where the bytes after the header go.</summary>
    public void ReadPayload(Memory<byte> target)
    {
        var ready = Math.Min(target.Length, _end - _start);
        _buffer.AsSpan(_start, ready).CopyTo(target.Span);
        _start += ready;
        (_payload, _missing) = (target, target.Length - ready);
    }

    /// <exception cref="LinkException">The payload is not what was sent.</exception>
    public void Verify(in FrameHeader header) => FrameStream.Verify(header, _payload.Span);

    /// <summary>Forgets the memory of the last payload.</summary>
    public void Release() => (_payload, _missing) = (default, 0);

    /// <summary>Takes what has come, once; false if nothing has.</summary>
    /// <exception cref="LinkException">The connection is closed or broken.</exception>
    public bool Fill()
    {
        if (_start > 0)
        {
            _buffer.AsSpan(_start.._end).CopyTo(_buffer);
            (_start, _end) = (0, _end - _start);
        }

        int count;
        try
        {
            count = Syscalls.Receive(socket.SafeHandle, _payload.Span[^_missing..], _buffer.AsSpan(_end));
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            throw FrameStream.Broken(error);
        }

        if (count < 0)
        {
            throw FrameStream.Closed(insideFrame: _missing > 0 || _end > 0);
        }

        Traffic.Received(count);
        var payload = Math.Min(count, _missing);
        _missing -= payload;
        _end += count - payload;
        return count > 0;
    }
}
