namespace Ganymede.Collectives;

internal sealed partial class PeerLink
{
    // A peer that waits says so four times a phase deadline.
    private const int MostWaits = 64;

    // Payloads that are no part of a buffer: fingerprints, a notice.
    private readonly byte[] _note = GC.AllocateUninitializedArray<byte>(Math.Max(AbortNotice.LimitBytes, group.Parties.Count * sizeof(ulong)), pinned: true);
    private Route _from;
    private bool _isOwnWork;
    private int _waits;
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

    /// <summary>Whether nothing of the exchange can come any more. A peer that is still owed something cannot be done: it may say why it leaves.</summary>
    private bool IsOver => IsReceived && IsSent;

    /// <summary><see cref="Environment.TickCount64"/> when bytes last came.</summary>
    public long LastReceived => _lastReceived;

    /// <summary>A piece is not taken in until other parties' pieces have come: this peer owes nothing meanwhile.</summary>
    public bool IsHeldBack => _isHeldBack;

    /// <summary>Whether what is owed next depends on the peer alone.</summary>
    public bool OwesOwnWork => _isOwnWork && !OwesResultsOnly;

    /// <summary>Whether all that is still owed in the exchange are results, which depend on the other parties, too.</summary>
    public bool OwesResultsOnly => _pieceChunk >= _from.Pieces.Chunks && (_begun || !_isOwnWork);

    /// <summary>The chunk that is due next.</summary>
    public int ChunkDue => OwesResultsOnly ? _resultChunk : _pieceChunk;

    /// <summary>Takes in what has come, one call's worth; whether anything has.</summary>
    public bool Receive(Exchange exchange)
    {
        if (!IsConnected || IsOver || Lost is not null)
        {
            return false;
        }

        try
        {
            var progress = Take(exchange);
            if (IsOver || _isHeldBack || !_reader!.Fill())
            {
                return progress;
            }

            _lastReceived = Environment.TickCount64;
            Take(exchange);
            return true;
        }
        catch (Exception error) // whatever it is: the caller must hear of it, and the process must not end
        {
            var chunk = ChunkDue;
            group.Lose(this, error is PeerAbortException abort
                ? abort.ToFault(Index, Address.Name, chunk)
                : new Fault(Index, error.Message, chunk, default, error));
            return false;
        }
    }

    private void StartReceiving(Exchange exchange, bool involved)
    {
        _from = involved ? exchange.From(Index) : default;
        _isOwnWork = involved && exchange.IsOwnWork(Index);
        (_isHeldBack, _begun, _pieceChunk, _pieceNode, _resultChunk, _waits) = (false, lane > 0, lane, 0, lane, 0);
        IsReceived = !involved || HasReceivedAll();
    }

    private bool HasReceivedAll() => _begun && _pieceChunk >= _from.Pieces.Chunks && _resultChunk >= _from.Results.Chunks;

    /// <summary>Goes on until more bytes are needed, the piece at hand has no room, or the exchange is over; whether a frame was finished.</summary>
    private bool Take(Exchange exchange)
    {
        var progress = false;
        while (!IsOver)
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
            IsReceived = HasReceivedAll();
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

        if (_header.Kind == FrameKind.Waiting && exchange.IsRelayed && _header.PayloadBytes == 0 && _waits < MostWaits)
        {
            PlaceNote(0);
            return true;
        }

        if (!_begun)
        {
            RequireBegin(exchange);
            PlaceNote(_header.PayloadBytes);
            return true;
        }

        if (_header.Kind == FrameKind.Piece && _pieceChunk < _from.Pieces.Chunks)
        {
            var (_, length) = Require(exchange, _from.Pieces.Chunk(_pieceChunk), _from.Nodes[_pieceNode]);
            if (!exchange.HasRoomFor(_pieceChunk))
            {
                return false;
            }

            Place(exchange, exchange.Place(Index, _pieceChunk, _pieceNode, length));
            return true;
        }

        if (_header.Kind == FrameKind.Result && _resultChunk < _from.Results.Chunks)
        {
            var (offset, length) = Require(exchange, _from.Results.Chunk(_resultChunk), 1);
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
                group.Begun(_from.Speakers, _reader!.Payload);
                exchange.Opened(Index);
                break;
            case FrameKind.Waiting:
                _waits++;
                break;
            case FrameKind.Piece:
                var arrived = _pieceChunk;
                (_pieceChunk, _pieceNode) = _pieceNode + 1 < _from.Nodes.Length ? (_pieceChunk, _pieceNode + 1) : (_pieceChunk + lanes, 0);
                exchange.PieceArrived(Index, arrived);
                break;
            case FrameKind.Result:
                _resultChunk += lanes;
                exchange.ResultArrived(Index);
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
        if (_header.Kind != FrameKind.Begin)
        {
            throw new LinkException($"did not begin the phase: sent a frame of kind {(int)_header.Kind}");
        }

        if (_header.Bucket != exchange.Code)
        {
            throw new LinkException($"does operation {_header.Bucket} where this party does {exchange.Code} ({exchange.Operation})");
        }

        if (_header.Type != exchange.WireType || _header.Count != exchange.Elements)
        {
            throw new LinkException(
                $"reduces {_header.Count} elements of type {_header.Type} where this party reduces {exchange.Elements} of type {exchange.WireType}");
        }

        if (_header.PayloadBytes != _from.Speakers.Length * sizeof(ulong))
        {
            throw new LinkException($"speaks for {_header.PayloadBytes / sizeof(ulong)} parties where {_from.Speakers.Length} were due");
        }
    }

    private (int Offset, int Length) Require(Exchange exchange, (int Offset, int Length) due, int node)
    {
        var (offset, length) = due;
        if (_header.Type != exchange.WireType || _header.Bucket != exchange.Code || _header.Node != node || _header.PayloadBytes != exchange.WireBytes(length)
            || _header.Offset != offset / exchange.ElementSize || _header.Count != length / exchange.ElementSize)
        {
            throw new LinkException(
                $"sent node {_header.Node}, elements {_header.Offset}+{_header.Count} in {_header.PayloadBytes} bytes where node {node}, "
                + $"elements {offset / exchange.ElementSize}+{length / exchange.ElementSize} in {exchange.WireBytes(length)} bytes were due");
        }

        return (offset, length);
    }
}
