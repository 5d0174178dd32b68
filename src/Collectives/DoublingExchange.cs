namespace Ganymede.Collectives;

/// <summary>
/// Recursive halving and doubling. In each round of the first half a party meets another (<see cref="DoublingPlan"/>), sends it its sums of one half of the range at hand and gets the
/// other's of the other half, or, where there is little left to save, both exchange the whole range and sum the same; in the second half the results come back the way
/// that was halved. What it brings and what it has got are only read until the exchange is over, so each round's sums lie where they came. A round is done when its last sum
/// has come, and only then does the next begin to send.
/// </summary>
internal sealed class DoublingExchange : Exchange
{
    /// <summary>Bytes that take as long as a round more, as measured: to halve a range costs a round, and saves half of it in each later one.</summary>
    private const int BytesOfARound = 64 * 1024;

    private readonly DoublingPlan _plan;
    private readonly Round[] _rounds;
    private readonly int[] _roundWith;
    private readonly int _chunkBytes;
    private readonly (ReadOnlyMemory<byte> Sum, int Start)[] _own;
    private readonly ReadOnlyMemory<byte>[] _mine;
    private readonly Memory<byte>[] _theirs;
    private ChunkRange _all;
    private int _summed;
    private int _gathered;

    /// <summary>What of an exchange is this meeting's.</summary>
    private sealed class Round(DoublingPlan.Meeting meeting, int nodes)
    {
        public DoublingPlan.Meeting Meeting { get; } = meeting;

        /// <summary>The range that is this party's afterwards, and the other's; the same where nothing is halved.</summary>
        public ChunkRange Keep, Give;

        /// <summary>What this party brings, and where in the buffer that begins.</summary>
        public readonly (ReadOnlyMemory<byte> Sum, int Start)[] Mine = new (ReadOnlyMemory<byte>, int)[meeting.Mine.Length];

        /// <summary>What the other has sent of <see cref="Keep"/>, a buffer for each node; then the sums.</summary>
        public readonly byte[][] Theirs = [.. Enumerable.Range(0, nodes).Select(_ => Array.Empty<byte>())];

        public bool IsHalved;
        public bool IsOpen;
        public int[] Missing = [];
        public int ChunksMissing;
        public int ResultsMissing;

        public ChunkRange Pieces => Meeting.Theirs.Length > 0 ? Keep : default;
    }

    public DoublingExchange(DoublingPlan plan, int parties, int chunkBytes)
        : base(parties, WireFormat.Exact)
    {
        (_plan, _chunkBytes) = (plan, chunkBytes);
        _rounds = [.. plan.Meetings.Select(meeting => new Round(meeting, meeting.Theirs.Length))];
        _roundWith = [.. Enumerable.Range(0, parties).Select(party => Array.FindIndex(plan.Meetings, meeting => meeting.Party == party))];
        _own = new (ReadOnlyMemory<byte>, int)[plan.Own.Length];
        _mine = new ReadOnlyMemory<byte>[plan.Meetings.Select(meeting => meeting.Mine.Length).DefaultIfEmpty().Max()];
        _theirs = new Memory<byte>[plan.Meetings.Select(meeting => meeting.Theirs.Length).DefaultIfEmpty().Max()];
    }

    public const int WireCode = 5;

    public override int Code => WireCode;

    public override bool IsRelayed => true;

    private bool IsSummed => _summed == _rounds.Length;

    public override bool Involves(int party) => _roundWith[party] >= 0 || party == _plan.Leader;

    public override Route To(int party)
    {
        if (party == _plan.Leader)
        {
            return new Route(_plan.Self, _plan.Own, _plan.Own.Length > 0 ? _all : default, default);
        }

        var round = RoundWith(party);
        var meeting = round.Meeting;
        return meeting.Round < 0
            ? new Route(_plan.Everybody, [], default, _all)
            : new Route(meeting.MySpeakers, meeting.Mine, meeting.Mine.Length > 0 ? round.Give : default, round.IsHalved ? round.Keep : default);
    }

    public override Route From(int party)
    {
        if (party == _plan.Leader)
        {
            return new Route(_plan.Everybody, [], default, _all);
        }

        var round = RoundWith(party);
        return new Route(round.Meeting.TheirSpeakers, round.Meeting.Theirs, round.Pieces, round.IsHalved ? round.Give : default);
    }

    public override bool IsOwnWork(int party) => party != _plan.Leader && RoundWith(party).Meeting.IsOwnWork;

    public override bool MaySend(int party) =>
        party == _plan.Leader || (RoundWith(party).Meeting.Round < 0 ? IsSummed : _summed >= _roundWith[party]);

    public override ReadOnlyMemory<byte> Piece(int party, int node, int offset, int length)
    {
        var (sum, start) = party == _plan.Leader ? _own[node] : RoundWith(party).Mine[node];
        return sum.Slice(offset - start, length);
    }

    public override bool MaySendResult(int party, int chunk) => IsSummed && _gathered <= _roundWith[party] + 1;

    public override (ReadOnlyMemory<byte> Payload, ulong Checksum) ResultFor(int party, int chunk)
    {
        var (offset, length) = To(party).Results.Chunk(chunk);
        ReadOnlyMemory<byte> payload = Task.Buffer.Slice(offset, length);
        return (payload, PayloadChecksum.Of(payload.Span));
    }

    public override bool HasRoomFor(int chunk) => true;

    public override Memory<byte> Place(int party, int chunk, int node, int length) => Theirs(RoundWith(party), chunk, node);

    public override void Opened(int party)
    {
        if (party != _plan.Leader)
        {
            RoundWith(party).IsOpen = true;
            GoOn();
        }
    }

    public override void PieceArrived(int party, int chunk)
    {
        var round = RoundWith(party);
        if (--round.Missing[chunk] == 0 && _summed == _roundWith[party])
        {
            Sum(round, chunk);
            GoOn();
        }
    }

    public override void ResultArrived(int party)
    {
        if (party != _plan.Leader)
        {
            RoundWith(party).ResultsMissing--;
            Gather();
        }
    }

    public override void Start(in Assignment task)
    {
        base.Start(task);
        _all = new ChunkRange(0, task.Buffer.Length, _chunkBytes);
        (_summed, _gathered) = (0, _rounds.Length);
        for (var i = 0; i < _own.Length; i++)
        {
            _own[i] = (task.Partials[i].Sum, 0);
        }

        var range = _all;
        foreach (var round in _rounds)
        {
            var later = _plan.Rounds - 1 - round.Meeting.Round;
            round.IsHalved = round.Meeting.Round >= 0 && (long)later * (task.Buffer.Length >> round.Meeting.Round) > 2 * BytesOfARound;
            if (round.IsHalved)
            {
                var lower = range with { Length = Math.Min(range.Length, (range.Length / 2 + 63) / 64 * 64) };
                var upper = range with { Start = lower.End, Length = range.Length - lower.Length };
                (round.Keep, round.Give) = round.Meeting.KeepsLower ? (lower, upper) : (upper, lower);
            }
            else
            {
                (round.Keep, round.Give) = (range, range);
            }

            range = round.Keep;
            Prepare(round);
        }

        if (_rounds is [var first, ..])
        {
            _own.CopyTo(first.Mine, 0);
        }
    }

    public override void End()
    {
        Array.Clear(_own);
        Array.Clear(_mine);
        foreach (var round in _rounds)
        {
            Array.Clear(round.Mine);
        }

        base.End();
    }

    private Round RoundWith(int party) => _rounds[_roundWith[party]];

    private static void Prepare(Round round)
    {
        for (var node = 0; node < round.Theirs.Length; node++)
        {
            Provide(ref round.Theirs[node], round.Keep.Length);
        }

        var chunks = round.Pieces.Chunks;
        if (round.Missing.Length < chunks)
        {
            round.Missing = new int[chunks];
        }

        Array.Fill(round.Missing, round.Theirs.Length, 0, chunks);
        (round.IsOpen, round.ChunksMissing, round.ResultsMissing) = (false, chunks, round.IsHalved ? round.Give.Chunks : 0);
    }

    private static Memory<byte> Theirs(Round round, int chunk, int node)
    {
        var (offset, length) = round.Keep.Chunk(chunk);
        return round.Theirs[node].AsMemory(offset - round.Keep.Start, length);
    }

    private void Sum(Round round, int chunk)
    {
        round.ChunksMissing--;
        if (!round.Meeting.Sums.Merges)
        {
            return;
        }

        var (offset, length) = round.Keep.Chunk(chunk);
        for (var node = 0; node < round.Mine.Length; node++)
        {
            _mine[node] = round.Mine[node].Sum.Slice(offset - round.Mine[node].Start, length);
        }

        for (var node = 0; node < round.Theirs.Length; node++)
        {
            _theirs[node] = Theirs(round, chunk, node);
        }

        round.Meeting.Sums.Sum(Task.Type!.Value, _mine, 0, _theirs, length, Task.Buffer.Span.Slice(offset, length));
    }

    /// <summary>Ends the round at hand if it is done, begins the next with what has come of it already, and so on.</summary>
    private void GoOn()
    {
        while (!IsSummed && _rounds[_summed] is { IsOpen: true, ChunksMissing: 0 } done)
        {
            _summed++;
            if (IsSummed)
            {
                PutRoot(done);
                Gather();
                return;
            }

            var next = _rounds[_summed];
            for (var i = 0; i < done.Meeting.Sums.Left.Count; i++)
            {
                next.Mine[i] = At(done, done.Meeting.Sums.Left[i]);
            }

            for (var chunk = 0; chunk < next.Pieces.Chunks; chunk++)
            {
                if (next.Missing[chunk] == 0)
                {
                    Sum(next, chunk);
                }
            }
        }
    }

    private static (ReadOnlyMemory<byte> Sum, int Start) At(Round round, in ReductionPlan.Rest rest) =>
        rest.Own >= 0 ? round.Mine[rest.Own] : (round.Theirs[rest.Remote], round.Keep.Start);

    /// <summary>The root is in the result, unless one side brought it whole.</summary>
    private void PutRoot(Round last)
    {
        var root = last.Meeting.Sums.Left[0];
        if (!root.IsInResult)
        {
            var (sum, start) = At(last, root);
            sum.Slice(last.Keep.Start - start, last.Keep.Length).CopyTo(Task.Buffer[last.Keep.Start..]);
        }
    }

    /// <summary>The results of a round can go when those of all later ones have come.</summary>
    private void Gather()
    {
        while (IsSummed && _gathered > 0 && _rounds[_gathered - 1].ResultsMissing == 0)
        {
            _gathered--;
        }
    }
}
