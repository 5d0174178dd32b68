using System.Buffers.Binary;

namespace Ganymede.Collectives;

internal sealed partial class PeerLink
{
    // Payloads that are no part of a buffer: a fingerprint, a notice.
    private readonly byte[] _note = GC.AllocateUninitializedArray<byte>(AbortNotice.LimitBytes, pinned: true);
    private FrameHeader _header;
    private bool _hasHeader;
    private bool _hasPlace;
    private Memory<byte> _place;
    private bool _isHeldBack;
    private long _lastReceived;
    private bool _begun;
    private int _pieceChunk;
    private int _pieceNode;
    private int _resultChunk;

    /// <summary>Whether all frames of the exchange have come.</summary>
    public bool IsReceived { get; private set; }

    /// <summary><see cref="Environment.TickCount64"/> when bytes last came.</summary>
    public long LastReceived => _lastReceived;

    /// <summary>A piece is not taken in until other parties' pieces have come: this peer owes nothing meanwhile.</summary>
    public bool IsHeldBack => _isHeldBack;

    /// <summary>Whether all that is still owed in the exchange are results, which depend on the other parties, too.</summary>
    public bool OwesResultsOnly(Exchange exchange) => _begun && _pieceChunk >= PieceChunks(exchange);

    /// <summary>The chunk that is due next.</summary>
    public int ChunkDue(Exchange exchange) => _begun && OwesResultsOnly(exchange) ? _resultChunk : _pieceChunk;

    /// <summary>Takes in what has come, one call's worth; whether anything has.</summary>
    public bool Receive(Exchange exchange)
    {
        if (!IsConnected || IsReceived || Lost is not null)
        {
            return false;
        }

        try
        {
            var progress = Take(exchange);
            if (IsReceived || _isHeldBack || !_reader!.Fill())
            {
                return progress;
            }

            _lastReceived = Environment.TickCount64;
            Take(exchange);
            return true;
        }
        catch (Exception error) // whatever it is: the caller must hear of it, and the process must not end
        {
            var chunk = ChunkDue(exchange);
            group.Lose(this, error is PeerAbortException abort
                ? abort.ToFault(Index, Address.Name, chunk)
                : new Fault(Index, error.Message, chunk, default, error));
            return false;
        }
    }

    private int PieceChunks(Exchange exchange) => exchange.PieceChunks(Index, group.Self);

    private void StartReceiving(Exchange exchange, bool involved)
    {
        (_isHeldBack, _begun, _pieceChunk, _pieceNode, _resultChunk) = (false, lane > 0, lane, 0, lane);
        IsReceived = !involved || HasReceivedAll(exchange);
    }

    private bool HasReceivedAll(Exchange exchange) => _begun && _pieceChunk >= PieceChunks(exchange) && _resultChunk >= exchange.ResultChunks(Index);

    /// <summary>Goes on until more bytes are needed, the piece at hand has no room, or the exchange is over; whether a frame was finished.</summary>
    private bool Take(Exchange exchange)
    {
        var progress = false;
        while (!IsReceived)
        {
            if (!_hasHeader)
            {
                _hasHeader = _reader!.TryReadHeader(out _header);
                if (!_hasHeader)
                {
                    return progress;
                }
            }

            if (!_hasPlace)
            {
                _isHeldBack = !TryPlace(exchange);
                if (_isHeldBack)
                {
                    return progress;
                }

                _hasPlace = true;
            }

            if (!_reader!.IsPayloadThere)
            {
                return progress;
            }

            _reader.Verify(_header);
            Apply(exchange);
            _reader.Release();
            _place = default;
            (_hasHeader, _hasPlace, progress) = (false, false, true);
            IsReceived = HasReceivedAll(exchange);
        }

        return progress;
    }

    /// <summary>Says where the payload goes. Everything about a frame is known beforehand: what differs is a protocol error, and no
    /// size is believed. False while there is no room for it.</summary>
    private bool TryPlace(Exchange exchange)
    {
        if (_header.View != group.View)
        {
            throw new LinkException($"sent a frame of view {_header.View} in view {group.View}");
        }

        if (_header.Kind == FrameKind.Abort)
        {
            PlaceNote(AbortNotice.LimitBytes);
            return true;
        }

        if (_header.Step != exchange.Step || _header.Phase != exchange.Phase)
        {
            throw new LinkException(
                $"is at step {_header.Step}, phase {_header.Phase} while this party is at step {exchange.Step}, phase {exchange.Phase}");
        }

        if (!_begun)
        {
            RequireBegin(exchange);
            PlaceNote(sizeof(ulong));
            return true;
        }

        if (_header.Kind == FrameKind.Piece && _pieceChunk < PieceChunks(exchange))
        {
            var (_, length) = Require(exchange, group.Self, _pieceChunk, group.Plan.NodesOf[Index][_pieceNode].HeapNumber(group.Shards));
            if (!exchange.HasRoomFor(_pieceChunk))
            {
                return false;
            }

            Place(exchange, exchange.Slot(_pieceChunk, group.Plan.RemoteNumberOf[Index][_pieceNode], length));
            return true;
        }

        if (_header.Kind == FrameKind.Result && _resultChunk < exchange.ResultChunks(Index))
        {
            var (offset, length) = Require(exchange, Index, _resultChunk, 1);
            Place(exchange, exchange.Result(offset, length));
            return true;
        }

        throw new LinkException($"sent a frame of kind {(int)_header.Kind} that is not due");
    }

    /// <summary>Rounded numbers come into the last half of their place, and are widened from there.</summary>
    private void Place(Exchange exchange, Memory<byte> place)
    {
        _place = place;
        _reader!.ReadPayload(place[(place.Length - exchange.WireBytes(place.Length))..]);
    }

    private void Apply(Exchange exchange)
    {
        if (exchange.IsRounded && _header.Kind is FrameKind.Piece or FrameKind.Result)
        {
            Bfloat16.Widen(_reader!.Payload, _place.Span);
        }

        switch (_header.Kind)
        {
            case FrameKind.Begin:
                _begun = true;
                group.Begun(Index, BinaryPrimitives.ReadUInt64LittleEndian(_reader!.Payload));
                break;
            case FrameKind.Piece:
                var arrived = _pieceChunk;
                (_pieceChunk, _pieceNode) = _pieceNode + 1 < group.Plan.NodesOf[Index].Length ? (_pieceChunk, _pieceNode + 1) : (_pieceChunk + lanes, 0);
                if (exchange.PieceArrived(arrived))
                {
                    exchange.Sum(arrived);
                }

                break;
            case FrameKind.Result:
                _resultChunk += lanes;
                break;
            default:
                throw AbortNotice.Read(_note.AsMemory(0, _header.PayloadBytes), group.Parties.Count);
        }
    }

    private void PlaceNote(int limitBytes)
    {
        if (_header.PayloadBytes > limitBytes)
        {
            throw new LinkException($"sent a notice of {_header.PayloadBytes} bytes where {limitBytes} are the limit");
        }

        _reader!.ReadPayload(_note.AsMemory(0, _header.PayloadBytes));
    }

    private void RequireBegin(Exchange exchange)
    {
        if (_header.Kind != FrameKind.Begin || _header.PayloadBytes != sizeof(ulong))
        {
            throw new LinkException($"did not begin the phase: sent a frame of kind {(int)_header.Kind}");
        }

        if (_header.Bucket != (int)exchange.Operation)
        {
            throw new LinkException($"does operation {_header.Bucket} where this party does {(int)exchange.Operation} ({exchange.Operation})");
        }

        if (_header.Type != exchange.WireType || _header.Count != exchange.Elements)
        {
            throw new LinkException(
                $"reduces {_header.Count} elements of type {_header.Type} where this party reduces {exchange.Elements} of type {exchange.WireType}");
        }
    }

    private (int Offset, int Length) Require(Exchange exchange, int owner, int chunk, int node)
    {
        var (offset, length) = exchange.Layout.Chunk(owner, chunk);
        if (_header.Type != exchange.WireType || _header.Bucket != (int)exchange.Operation || _header.Node != node || _header.PayloadBytes != exchange.WireBytes(length)
            || _header.Offset != offset / exchange.ElementSize || _header.Count != length / exchange.ElementSize)
        {
            throw new LinkException(
                $"sent node {_header.Node}, elements {_header.Offset}+{_header.Count} in {_header.PayloadBytes} bytes where node {node}, "
                + $"elements {offset / exchange.ElementSize}+{length / exchange.ElementSize} in {exchange.WireBytes(length)} bytes were due");
        }

        return (offset, length);
    }
}
