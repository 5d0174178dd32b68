using System.Buffers.Binary;
using System.Net.Sockets;

namespace Ganymede.Collectives;

internal sealed partial class PeerLink
{
    private bool _begun;
    private int _pieceChunk;
    private int _pieceNode;
    private int _resultChunk;

    /// <summary>Whether all that is still owed in the exchange are results, which depend on the other parties, too.</summary>
    public bool OwesResultsOnly(Exchange exchange) => _begun && _pieceChunk >= PieceChunks(exchange);

    /// <summary>The chunk that is due next.</summary>
    public int ChunkDue(Exchange exchange) => _begun && OwesResultsOnly(exchange) ? _resultChunk : _pieceChunk;

    private int PieceChunks(Exchange exchange) => group.Plan.NodesOf[Index].Length == 0 ? 0 : exchange.OwnChunks;

    private void Receive()
    {
        var stream = _stream!;
        var inside = false;
        try
        {
            while (true)
            {
                // Read before entering: a connection that closes between two phases is noticed at once.
                var header = NextFrame(stream);
                inside = group.Enter(Received, _receiveSignal);
                if (!inside)
                {
                    return;
                }

                (_begun, _pieceChunk, _pieceNode, _resultChunk) = (false, 0, 0, 0);
                var exchange = group.Exchange;
                var resultChunks = exchange.Layout.Chunks(Index);
                while (true)
                {
                    if (!Accept(stream, exchange, header, resultChunks))
                    {
                        inside = false;
                        group.Leave();
                        return;
                    }

                    if (_begun && _pieceChunk == PieceChunks(exchange) && _resultChunk == resultChunks)
                    {
                        break;
                    }

                    header = NextFrame(stream);
                }

                inside = false;
                group.Finish(this, sending: false);
            }
        }
        catch (Exception error) // whatever it is: the caller must hear of it, and the process must not end
        {
            var chunk = inside ? ChunkDue(group.Exchange) : -1;
            if (inside)
            {
                group.Leave();
            }

            var fault = error is PeerAbortException abort
                ? abort.ToFault(Index, Address.Name, chunk)
                : new Fault(Index, error.Message, chunk, default, error);
            group.Lose(this, fault, quietly: !inside && error.InnerException is null);
        }
    }

    private FrameHeader NextFrame(FrameStream stream)
    {
        var header = stream.ReceiveHeader();
        if (header.View != group.View)
        {
            throw new LinkException($"sent a frame of view {header.View} in view {group.View}");
        }

        if (header.Kind == FrameKind.Abort)
        {
            throw AbortNotice.Receive(stream, header, group.Parties.Count);
        }

        return header;
    }

    /// <summary>Takes one frame in. Everything about it is known beforehand: what differs is a protocol error, and no size is
    /// believed. False if the group ended meanwhile.</summary>
    private bool Accept(FrameStream stream, Exchange exchange, in FrameHeader header, int resultChunks)
    {
        if (header.Step != exchange.Step || header.Phase != exchange.Phase)
        {
            throw new LinkException(
                $"is at step {header.Step}, phase {header.Phase} while this party is at step {exchange.Step}, phase {exchange.Phase}");
        }

        if (!_begun)
        {
            AcceptBegin(stream, exchange, header);
            return true;
        }

        if (header.Kind == FrameKind.Piece && _pieceChunk < PieceChunks(exchange))
        {
            var node = group.Plan.NodesOf[Index][_pieceNode];
            var (_, length) = Require(exchange, header, group.Self, _pieceChunk, node.HeapNumber(group.Shards));
            if (!WaitForRoom(exchange, _pieceChunk))
            {
                return false;
            }

            stream.ReceivePayload(header, exchange.Slot(_pieceChunk, group.Plan.RemoteNumberOf[Index][_pieceNode], length));
            var arrived = _pieceChunk;
            (_pieceChunk, _pieceNode) = _pieceNode + 1 < group.Plan.NodesOf[Index].Length ? (_pieceChunk, _pieceNode + 1) : (_pieceChunk + 1, 0);
            if (exchange.PieceArrived(arrived))
            {
                exchange.Sum(arrived);
                group.ChunkSummed();
            }

            return true;
        }

        if (header.Kind == FrameKind.Result && _resultChunk < resultChunks)
        {
            var (offset, length) = Require(exchange, header, Index, _resultChunk, 1);
            stream.ReceivePayload(header, exchange.Result(offset, length));
            _resultChunk++;
            return true;
        }

        throw new LinkException($"sent a frame of kind {(int)header.Kind} that is not due");
    }

    private void AcceptBegin(FrameStream stream, Exchange exchange, in FrameHeader header)
    {
        if (header.Kind != FrameKind.Begin || header.PayloadBytes != sizeof(ulong))
        {
            throw new LinkException($"did not begin the phase: sent a frame of kind {(int)header.Kind}");
        }

        if (header.Type != (byte)exchange.Type || header.Count != exchange.Elements)
        {
            throw new LinkException(
                $"reduces {header.Count} elements of type {header.Type} where this party reduces {exchange.Elements} of type {(byte)exchange.Type}");
        }

        Span<byte> fingerprint = stackalloc byte[sizeof(ulong)];
        stream.ReceivePayload(header, fingerprint);
        _begun = true;
        group.Begun(Index, BinaryPrimitives.ReadUInt64LittleEndian(fingerprint));
    }

    private static (int Offset, int Length) Require(Exchange exchange, in FrameHeader header, int owner, int chunk, int node)
    {
        var (offset, length) = exchange.Layout.Chunk(owner, chunk);
        if (header.Type != (byte)exchange.Type || header.Bucket != 0 || header.Node != node || header.PayloadBytes != length
            || header.Offset != offset / exchange.ElementSize || header.Count != length / exchange.ElementSize)
        {
            throw new LinkException(
                $"sent node {header.Node}, elements {header.Offset}+{header.Count} in {header.PayloadBytes} bytes where node {node}, "
                + $"elements {offset / exchange.ElementSize}+{length / exchange.ElementSize} in {length} bytes were due");
        }

        return (offset, length);
    }

    private bool WaitForRoom(Exchange exchange, int chunk)
    {
        if (exchange.HasRoomFor(chunk))
        {
            return true;
        }

        lock (_receiveSignal)
        {
            // Set before the check, read after the slot was freed: one of the two sides sees the other.
            _waitingForRoom = true;
            Interlocked.MemoryBarrier();
            while (!group.HasEnded && !exchange.HasRoomFor(chunk))
            {
                Monitor.Wait(_receiveSignal);
            }

            _waitingForRoom = false;
        }

        return !group.HasEnded;
    }
}
