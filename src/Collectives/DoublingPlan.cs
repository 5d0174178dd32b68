using System.Numerics;

namespace Ganymede.Collectives;

/// <summary>
/// Who meets whom in recursive halving and doubling (Thakur, Rabenseifner, Gropp: Optimization of collective communication operations in MPICH, 2005), for one party. The
/// parties are put in the order of their shards. With P the largest power of two that is not above their number N, the first 2(N-P) form pairs, of which the second
/// gives all it has to the first and waits; the P that are left have seats. In round k two seats meet that differ in bit k. So whoever has met are always neighbours, their
/// shards one range, and what they know of it are the sums of its maximal complete subtrees: the same tree for every number of parties. A pure function of
/// (V, shards of each party), as <see cref="ReductionPlan"/>.
/// </summary>
internal sealed class DoublingPlan
{
    private readonly int[] _order;
    private readonly IReadOnlyList<ShardRange> _owned;
    private readonly int _shards;
    private readonly int _pairs;

    /// <summary>A meeting of this party with another.</summary>
    /// <param name="Party">The other.</param>
    /// <param name="Round">The round k, in which both give and take; -1 where the other is the second of this party's pair, and only gives.</param>
    /// <param name="KeepsLower">Which half of a range is this party's when it is halved.</param>
    /// <param name="Mine">Heap numbers of the subtrees that this party brings.</param>
    /// <param name="Theirs">Those that the other brings.</param>
    /// <param name="Sums">How both become the subtrees of all who have met then: this party is 0 in it, the other 1.</param>
    /// <param name="MySpeakers">The parties this one speaks for: all it has met, and itself.</param>
    /// <param name="TheirSpeakers">Those the other speaks for.</param>
    /// <param name="IsOwnWork">Whether the other has met nobody before.</param>
    public sealed record Meeting(
        int Party, int Round, bool KeepsLower, int[] Mine, int[] Theirs, ReductionPlan Sums, int[] MySpeakers, int[] TheirSpeakers, bool IsOwnWork);

    public DoublingPlan(int shards, IReadOnlyList<ShardRange> owned, int self)
    {
        (_shards, _owned) = (shards, owned);
        _order = [.. Enumerable.Range(0, owned.Count).OrderBy(party => owned[party].First).ThenBy(party => owned[party].Count)];
        var seats = 1 << BitOperations.Log2((uint)owned.Count);
        _pairs = owned.Count - seats;
        Rounds = BitOperations.Log2((uint)seats);
        (Self, Own) = ([self], Nodes(owned[self]));
        Everybody = _order;
        var place = Array.IndexOf(_order, self);
        if (place < 2 * _pairs && place % 2 == 1)
        {
            (Leader, Meetings) = (_order[place - 1], []);
            return;
        }

        Leader = -1;
        var seat = place < 2 * _pairs ? place / 2 : place - _pairs;
        var meetings = new List<Meeting>();
        if (place < 2 * _pairs)
        {
            meetings.Add(Meet(_order[place + 1], -1, false, Self, [_order[place + 1]], false));
        }

        for (var round = 0; round < Rounds; round++)
        {
            var other = seat ^ (1 << round);
            meetings.Add(Meet(
                _order[First(other)], round, seat < other, Block(seat, round), Block(other, round), round == Rounds - 1));
        }

        Meetings = [.. meetings];
    }

    /// <summary>log2 P.</summary>
    public int Rounds { get; }

    /// <summary>In the order in which they come about; none for the second of a pair.</summary>
    public Meeting[] Meetings { get; }

    /// <summary>The first of the pair that this party is the second of, or -1.</summary>
    public int Leader { get; }

    /// <summary>This party alone.</summary>
    public int[] Self { get; }

    /// <summary>Heap numbers of this party's own subtrees.</summary>
    public int[] Own { get; }

    /// <summary>All parties, in the order of their shards.</summary>
    public int[] Everybody { get; }

    private int First(int seat) => seat < _pairs ? 2 * seat : seat + _pairs;

    /// <summary>The parties that have met before a round: of the 2^round seats around this one.</summary>
    private int[] Block(int seat, int round)
    {
        var from = seat >> round << round;
        return _order[First(from)..First(from + (1 << round))];
    }

    private Meeting Meet(int party, int round, bool keepsLower, int[] mine, int[] theirs, bool isLast)
    {
        var (my, their) = (Union(mine), Union(theirs));
        return new Meeting(
            party, round, keepsLower, Nodes(my), Nodes(their), new ReductionPlan(_shards, [my, their], 0, isLast), mine, theirs, theirs.Length == 1);
    }

    /// <summary>Neighbours' shards are one range.</summary>
    private ShardRange Union(int[] parties)
    {
        var ranges = parties.Select(party => _owned[party]).Where(range => range.Count > 0).ToArray();
        return ranges.Length == 0 ? default : new ShardRange(ranges[0].First, ranges.Sum(range => range.Count));
    }

    private int[] Nodes(ShardRange range) => [.. Subtree.Cover(range, _shards).Select(node => node.HeapNumber(_shards))];
}
