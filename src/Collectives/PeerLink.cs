using System.Buffers.Binary;
using System.Diagnostics;
using System.Net.Sockets;

namespace Ganymede.Collectives;

/// <summary>
/// One other party of a group: the connection, a thread that sends and a thread that receives. The party with the lower index
/// dials, the other accepts. Both threads touch an exchange's memory only between <see cref="Group.Enter"/> and Finish/Leave.
/// </summary>
internal sealed partial class PeerLink(Group group, int index, PartyAddress address)
{
    private readonly object _sendSignal = new();
    private readonly object _receiveSignal = new();
    private FrameStream? _stream;
    private Socket? _socket;
    private Thread? _sender;
    private Thread? _receiver;
    private bool _claimed;
    private volatile bool _waitingForRoom;

    public int Index { get; } = index;

    public PartyAddress Address { get; } = address;

    /// <summary>Number of the last exchange whose frames were all received, or sent. Written under the group's gate.</summary>
    public long Received { get; set; }

    public long Sent { get; set; }

    /// <summary>Why nothing more will come. Written under the group's gate.</summary>
    public Fault? Lost { get; set; }

    /// <summary>Why nothing more can be sent, and since when. The receiver often knows the better reason, a moment later.</summary>
    public (Fault Fault, long Since)? SendLost { get; set; }

    public bool IsConnected => Volatile.Read(ref _stream) is not null;

    public long LastReceived => Volatile.Read(ref _stream)?.LastReceived ?? 0;

    public long LastSent => Volatile.Read(ref _stream)?.LastSent ?? 0;

    /// <summary>The receiver holds a piece back until other parties' pieces have come: this peer owes nothing meanwhile.</summary>
    public bool IsHeldBack => _waitingForRoom;

    /// <summary>Connects in the background.</summary>
    public void Dial()
    {
        _sender = Start(DialAndSend, "send to");
    }

    /// <summary>Reserves the link for one accepted connection; a second one is refused.</summary>
    public bool TryClaim() => !Interlocked.Exchange(ref _claimed, true);

    /// <summary>Takes an accepted connection whose handshake is done.</summary>
    public void Attach(Socket socket)
    {
        _socket = socket;
        Volatile.Write(ref _stream, new FrameStream(socket));
        _receiver = Start(Receive, "receive from");
        _sender = Start(Send, "send to");
        if (group.HasEnded)
        {
            // Disposed in the same moment: whoever closed the links may not have seen this connection.
            Stop();
            Close(TimeSpan.FromMilliseconds(100));
        }
    }

    public void PulseSender()
    {
        lock (_sendSignal)
        {
            Monitor.PulseAll(_sendSignal);
        }
    }

    public void PulseReceiver()
    {
        lock (_receiveSignal)
        {
            Monitor.PulseAll(_receiveSignal);
        }
    }

    public void PulseIfHeldBack()
    {
        if (_waitingForRoom)
        {
            PulseReceiver();
        }
    }

    /// <summary>The group has ended: the receiver stops at once, the sender at the end of its frame, after saying why.</summary>
    public void Stop()
    {
        PulseSender();
        PulseReceiver();
        Shutdown(SocketShutdown.Receive);
    }

    /// <summary>Wakes even a sender in the middle of a frame.</summary>
    public void Cut() => Shutdown(SocketShutdown.Both);

    public void Close(TimeSpan patience)
    {
        var start = Stopwatch.GetTimestamp();
        _sender?.Join(patience);
        Cut();
        if (_stream is null)
        {
            _socket?.Dispose(); // wakes a dial, too
        }

        foreach (var thread in new[] { _sender, _receiver })
        {
            if (thread != Thread.CurrentThread)
            {
                thread?.Join(TimeSpan.FromSeconds(1));
            }
        }

        _socket?.Dispose();
    }

    private void Shutdown(SocketShutdown how)
    {
        try
        {
            _socket?.Shutdown(how);
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            // Not connected any more: nobody is blocked in it.
        }
    }

    private Thread Start(ThreadStart body, string does)
    {
        var thread = new Thread(body) { IsBackground = true, Name = $"{does} {Address.Name}" };
        thread.Start();
        return thread; // only what runs can be joined
    }

    private void DialAndSend()
    {
        Socket? greeted = null;
        try
        {
            var socket = Dialer.Connect(Address.Host, Address.Port, group.Options.MaxStall, () => group.HasEnded, opened => _socket = opened);
            Handshake.Send(socket, group.HelloTo(Index));
            greeted = socket;
            // The other side answers once it has joined the view, and waits for that as long as its own JoinDeadline.
            var reply = Handshake.ReceiveReply(socket, group.Options.JoinDeadline + group.Options.MaxStall);
            if (!reply.Accepted)
            {
                throw new LinkException($"refused the connection: {reply.Reason}");
            }

            Volatile.Write(ref _stream, new FrameStream(socket));
        }
        catch (Exception error) // whatever it is: the caller must hear of it
        {
            if (group.HasEnded && greeted is not null)
            {
                TrySayWhy(new FrameStream(greeted)); // read after the hello, if the other side still takes it
            }

            group.Lose(this, new Fault(Index, error is LinkException ? error.Message : $"cannot be reached ({error.Message})", -1, default, error));
            return;
        }

        _receiver = Start(Receive, "receive from");
        if (group.HasEnded)
        {
            Stop();
        }

        Send();
    }

    private void Send()
    {
        var stream = _stream!;
        var inside = false;
        try
        {
            while (inside = group.Enter(Sent, _sendSignal))
            {
                if (!SendPart(stream, group.Exchange))
                {
                    break;
                }

                inside = false;
                group.Finish(this, sending: true);
            }

            if (inside)
            {
                inside = false;
                group.Leave();
            }

            SayWhy(stream);
        }
        catch (Exception error)
        {
            // Whatever it is, such as memory the caller has freed: the caller must hear of it, and the process must not end.
            if (inside)
            {
                group.Leave();
            }

            group.LoseSending(this, new Fault(Index, error.Message, -1, default, error));
        }
    }

    /// <summary>All frames of one exchange for this peer: false if the group ended meanwhile.</summary>
    private bool SendPart(FrameStream stream, Exchange exchange)
    {
        var begin = Header(exchange, FrameKind.Begin) with { Count = exchange.Elements };
        Span<byte> fingerprint = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(fingerprint, exchange.Fingerprint);
        stream.Send(begin with { Checksum = FrameStream.Checksum(fingerprint), PayloadBytes = fingerprint.Length }, fingerprint);

        var nodes = group.Plan.NodesOf[group.Self];
        var pieceChunks = nodes.Length == 0 ? 0 : exchange.Layout.Chunks(Index);
        var (piece, node, result) = (0, 0, 0);
        while (!group.HasEnded)
        {
            // A finished sum is still in the cache and frees the others from waiting: it goes first.
            if (result < exchange.OwnChunks && exchange.IsSummed(result))
            {
                var (offset, length) = exchange.Layout.Chunk(group.Self, result);
                stream.Send(
                    Header(exchange, FrameKind.Result) with
                    {
                        Node = 1,
                        Offset = offset / exchange.ElementSize,
                        Count = length / exchange.ElementSize,
                        Checksum = exchange.Checksum(result),
                        PayloadBytes = length,
                    },
                    exchange.Result(offset, length));
                result++;
            }
            else if (piece < pieceChunks)
            {
                var (offset, length) = exchange.Layout.Chunk(Index, piece);
                var payload = exchange.Own(node, offset, length);
                stream.Send(
                    Header(exchange, FrameKind.Piece) with
                    {
                        Node = nodes[node].HeapNumber(group.Shards),
                        Offset = offset / exchange.ElementSize,
                        Count = length / exchange.ElementSize,
                        Checksum = FrameStream.Checksum(payload),
                        PayloadBytes = length,
                    },
                    payload);
                (piece, node) = node + 1 < nodes.Length ? (piece, node + 1) : (piece + 1, 0);
            }
            else if (result == exchange.OwnChunks)
            {
                return true;
            }
            else
            {
                lock (_sendSignal)
                {
                    while (!group.HasEnded && !exchange.IsSummed(result))
                    {
                        Monitor.Wait(_sendSignal);
                    }
                }
            }
        }

        return false;
    }

    private FrameHeader Header(Exchange exchange, FrameKind kind) =>
        new(kind, group.View, exchange.Step, exchange.Phase, 0, 0, 0, 0, (byte)exchange.Type, 0, 0);

    private void TrySayWhy(FrameStream stream)
    {
        try
        {
            SayWhy(stream);
        }
        catch (Exception error) when (error is LinkException or SocketException or ObjectDisposedException)
        {
            // The peer is gone as well.
        }
    }

    /// <summary>Tells the peer whom this party blames, so that it does not blame this one for hanging up.</summary>
    private void SayWhy(FrameStream stream)
    {
        if (group.Failure is { } fault)
        {
            var payload = AbortNotice.Write(fault.Party < 0 ? group.Self : fault.Party, fault.Divergence, fault.Text);
            var header = new FrameHeader(FrameKind.Abort, group.View, 0, 0, 0, 0, 0, 0, 0, FrameStream.Checksum(payload), payload.Length);
            _socket!.SendTimeout = 100;
            stream.Send(header, payload);
        }

        Cut();
    }
}
