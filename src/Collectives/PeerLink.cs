using System.Net.Sockets;

namespace Ganymede.Collectives;

/// <summary>
/// One other party of a group: how the connection comes about, and what is sent over it. The party with the lower index dials, the other
/// accepts. With several connections to a party each is a link of its own, a lane: chunks take turns, lane l of L carries l, l + L, l + 2 L… in this
/// order, and what opens a phase goes over lane 0. Only whoever drives the group (<see cref="Group"/>) sends and receives; nothing here waits, but the dialing thread.
/// </summary>
internal sealed partial class PeerLink(Group group, int index, PartyAddress address, int lane, int lanes) : IDisposable
{
    private FrameWriter? _writer;
    private FrameReader? _reader;
    private Socket? _socket;
    private Thread? _dialing;
    private bool _claimed;
    private volatile bool _isConnected;
    private volatile bool _isDialing;
    private long _dialedAt;
    private long _lastSent;
    private byte[] _rounded = [];
    private byte[] _opening = [];
    private Route _to;
    private bool _hasBegun;
    private int _piece;
    private int _node;
    private int _result;
    private (FrameHeader Header, byte[] Notice)? _leaving;
    private bool _saysWhy;

    public int Index { get; } = index;

    public PartyAddress Address { get; } = address;

    /// <summary>Whether all frames of the exchange have been sent.</summary>
    public bool IsSent { get; private set; }

    /// <summary>Why nothing more will come. Written under the group's gate.</summary>
    public Fault? Lost { get; set; }

    /// <summary>Why nothing more can be sent, and since when. What is received often tells the better reason, a moment later.</summary>
    public (Fault Fault, long Since)? SendLost { get; private set; }

    public bool IsConnected => _isConnected;

    /// <summary>A dial is under way, and the other side's host has not answered it yet. Its process need not do anything for that.</summary>
    public bool IsUnreached => _isDialing;

    /// <summary><see cref="Environment.TickCount64"/> when the dial began.</summary>
    public long DialedAt => _dialedAt;

    /// <summary>Whether there is something that the socket does not take: the peer does not read.</summary>
    public bool IsStuck => _writer is { IsEmpty: false };

    /// <summary><see cref="Environment.TickCount64"/> when bytes last went out.</summary>
    public long LastSent => _lastSent;

    /// <summary>What to wait for; nothing if the link is not connected or waits for other links.</summary>
    public Syscalls.PollEntry? Awaited =>
        Entry((IsOver || _isHeldBack || Lost is not null ? 0 : Syscalls.Readable) | (IsSent || SendLost is not null || _writer is not { IsEmpty: false } ? 0 : Syscalls.Writable));

    /// <summary>What to wait for where only the last words are to be sent.</summary>
    public Syscalls.PollEntry? AwaitedToLeave => Entry(Syscalls.Writable);

    /// <summary>Connects in the background.</summary>
    public void Dial()
    {
        _dialedAt = Environment.TickCount64;
        _isDialing = true;
        _dialing = new Thread(Connect, 256 * 1024) { IsBackground = true, Name = $"dial {Address.Name}" };
        _dialing.Start();
    }

    /// <summary>Reserves the link for one accepted connection; a second one is refused.</summary>
    public bool TryClaim() => !Interlocked.Exchange(ref _claimed, true);

    /// <summary>Takes a connection whose handshake is done. Under the group's gate.</summary>
    public void Attach(Socket socket)
    {
        SocketTuning.Apply(socket);
        _socket = socket;
        (_writer, _reader) = (new FrameWriter(socket), new FrameReader(socket));
        _isConnected = true;
    }

    /// <summary>A new exchange. Nobody drives the group.</summary>
    public void Start(Exchange exchange)
    {
        var involved = exchange.Involves(Index);
        _to = involved ? exchange.To(Index) : default;
        (_hasBegun, _piece, _node, _result) = (lane > 0, lane, 0, lane);
        IsSent = !involved || HasSentAll();
        StartReceiving(exchange, involved);
    }

    /// <summary>Sends what the socket takes at once, one call's worth; whether anything went.</summary>
    public bool Send(Exchange exchange)
    {
        if (!IsConnected || IsSent || SendLost is not null)
        {
            return false;
        }

        try
        {
            while (_writer!.HasRoom && TryNext(exchange))
            {
            }

            if (_writer.IsEmpty && exchange.IsRelayed && !HasSentAll() && Environment.TickCount64 - Math.Max(_lastSent, group.StartedAt) > group.SignOfLife.TotalMilliseconds)
            {
                Append(Header(exchange, FrameKind.Waiting), default, PayloadChecksum.Of(default));
            }

            var sent = !_writer.IsEmpty && _writer.Flush() > 0;
            if (sent)
            {
                _lastSent = Environment.TickCount64;
            }

            IsSent = _writer.IsEmpty && HasSentAll();
            return sent || IsSent;
        }
        catch (Exception error) // whatever it is, such as memory the caller has freed: the caller must hear of it
        {
            SendLost = (new Fault(Index, error.Message, -1, default, error), Environment.TickCount64);
            return false;
        }
    }

    private bool HasSentAll() => _hasBegun && _piece >= _to.Pieces.Chunks && _result >= _to.Results.Chunks;

    /// <summary>The group has ended: says why, after the frame that is under way. True if there is more to send, which <see cref="GoOnLeaving"/> does.</summary>
    public bool BeginLeaving(byte[]? notice)
    {
        if (!IsConnected || SendLost is not null || notice is null)
        {
            return false;
        }

        var header = new FrameHeader(FrameKind.Abort, group.View, 0, 0, 0, 0, 0, 0, 0, PayloadChecksum.Of(notice), notice.Length);
        _leaving = (header, notice);
        _saysWhy = true;
        return true;
    }

    /// <summary>True if there is still more.</summary>
    public bool GoOnLeaving()
    {
        try
        {
            _writer!.Flush();
            if (_writer.IsEmpty && _leaving is { } last)
            {
                _writer.Append(last.Header, last.Notice);
                _leaving = null;
                _writer.Flush();
            }

            return !_writer.IsEmpty;
        }
        catch (LinkException)
        {
            return false; // the peer is gone as well
        }
    }

    /// <summary>Nothing more will be said or heard. What was said last still reaches the peer.</summary>
    public void Cut()
    {
        try
        {
            // A dial that waits for its answer is woken, and says why itself.
            _socket?.Shutdown(_saysWhy ? SocketShutdown.Send : IsConnected ? SocketShutdown.Both : SocketShutdown.Receive);
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            // Not connected any more.
        }
    }

    public void Dispose()
    {
        if (_saysWhy && _socket is { } leaving)
        {
            _socket = null;
            group.Linger(leaving);
            return;
        }

        if (_isDialing)
        {
            _socket?.Dispose(); // wakes it
        }

        if (_dialing != Thread.CurrentThread)
        {
            _dialing?.Join(TimeSpan.FromSeconds(1));
        }

        _socket?.Dispose();
    }

    private void Connect()
    {
        Socket? greeted = null;
        try
        {
            var socket = Dialer.Connect(Address.Host, Address.Port, group.MaxStall, group.Options.RefusalPatience, () => group.HasEnded, opened => _socket = opened);
            _isDialing = false;
            Handshake.Send(socket, group.HelloTo(Index, lane));
            greeted = socket;
            if (group.HasEnded)
            {
                throw new LinkException("was reached when the view was over");
            }

            // The other side answers once it has joined the view, and waits for that as long as its own JoinDeadline.
            var reply = Handshake.ReceiveReply(socket, group.Options.JoinDeadline + group.MaxStall);
            if (!reply.Accepted)
            {
                throw new LinkException($"refused the connection: {reply.Reason}");
            }

            group.Attach(Index, lane, socket);
        }
        catch (Exception error) // whatever it is: the caller must hear of it
        {
            if (group.HasEnded && greeted is not null)
            {
                SayWhy(greeted); // read after the hello, if the other side still takes it
            }

            group.Lose(this, new Fault(Index, error is LinkException ? error.Message : $"cannot be reached ({error.Message})", -1, default, error));
        }
    }

    /// <summary>For a connection that has no link yet, or none any more: says why the group has ended, and closes it.</summary>
    public void SayWhy(Socket socket)
    {
        _socket = null; // no longer the link's to close
        try
        {
            if (group.Notice() is { } notice)
            {
                socket.SendTimeout = 100;
                new FrameStream(socket).Send(
                    new FrameHeader(FrameKind.Abort, group.View, 0, 0, 0, 0, 0, 0, 0, PayloadChecksum.Of(notice), notice.Length), notice);
                socket.Shutdown(SocketShutdown.Send);
                group.Linger(socket);
                return;
            }
        }
        catch (Exception error) when (error is LinkException or SocketException or ObjectDisposedException)
        {
            // The peer is gone as well.
        }

        socket.Dispose();
    }

    private Syscalls.PollEntry? Entry(int wanted) =>
        wanted != 0 && IsConnected && _socket is { SafeHandle.IsClosed: false } socket ? new((int)socket.SafeHandle.DangerousGetHandle(), (short)wanted) : null;

    /// <summary>Appends the next frame that can be sent; false if there is none just now.</summary>
    private bool TryNext(Exchange exchange)
    {
        // A finished sum is still in the cache and frees the others from waiting: it goes first.
        if (_hasBegun && _result < _to.Results.Chunks && exchange.MaySendResult(Index, _result))
        {
            var (offset, length) = _to.Results.Chunk(_result);
            var (payload, checksum) = exchange.ResultFor(Index, _result);
            Append(Part(exchange, FrameKind.Result, 1, offset, length), payload, checksum);
            _result += lanes;
            return true;
        }

        if ((_hasBegun && _piece >= _to.Pieces.Chunks) || !exchange.MaySend(Index))
        {
            return false;
        }

        if (!_hasBegun)
        {
            group.Speak(_to.Speakers, ref _opening);
            Append(Header(exchange, FrameKind.Begin) with { Count = exchange.Elements }, _opening, PayloadChecksum.Of(_opening));
            _hasBegun = true;
        }
        else
        {
            var (offset, length) = _to.Pieces.Chunk(_piece);
            var payload = OnWire(exchange, exchange.Piece(Index, _node, offset, length));
            Append(Part(exchange, FrameKind.Piece, _to.Nodes[_node], offset, length), payload, PayloadChecksum.Of(payload.Span));
            (_piece, _node) = _node + 1 < _to.Nodes.Length ? (_piece, _node + 1) : (_piece + lanes, 0);
        }

        return true;
    }

    private ReadOnlyMemory<byte> OnWire(Exchange exchange, ReadOnlyMemory<byte> piece)
    {
        if (!exchange.IsRounded)
        {
            return piece;
        }

        // Free again: there is room for a frame only when the one before has gone, or was copied.
        if (_rounded.Length < piece.Length / 2)
        {
            _rounded = GC.AllocateUninitializedArray<byte>(group.Options.ChunkBytes / 2, pinned: true);
        }

        var narrow = _rounded.AsMemory(0, piece.Length / 2);
        Bfloat16.Narrow(piece.Span, narrow.Span);
        return narrow;
    }

    private void Append(in FrameHeader header, ReadOnlyMemory<byte> payload, ulong checksum) =>
        _writer!.Append(header with { Checksum = checksum, PayloadBytes = payload.Length }, payload);

    private FrameHeader Header(Exchange exchange, FrameKind kind) =>
        new(kind, group.View, exchange.Step, exchange.Phase, exchange.Code, 0, 0, 0, exchange.WireType, 0, 0);

    private FrameHeader Part(Exchange exchange, FrameKind kind, int node, int offset, int length) =>
        Header(exchange, kind) with { Node = node, Offset = offset / exchange.ElementSize, Count = length / exchange.ElementSize };
}
