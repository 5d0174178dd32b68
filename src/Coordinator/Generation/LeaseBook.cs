using System.Collections.Immutable;
using Ganymede.Messages;

namespace Ganymede.Coordinator.Generation;

/// <summary>One unit in the hands of one sampler until a moment.</summary>
public sealed record Lease(long Unit, NodeId Holder, DateTimeOffset Expires);

/// <summary>
/// Which units of a generation job are stored, leased and still to do. Pure; <see cref="GenerationActor"/> holds it.
/// Units are handed out in order, returned ones first. A unit committed twice (its lease ran out, both holders finished)
/// counts once, which is harmless because both wrote the same bytes.
/// </summary>
public sealed record LeaseBook(
    long Units, long NextFresh, ImmutableSortedSet<long> Returned, ImmutableDictionary<long, Lease> Leases, ImmutableHashSet<long> Stored)
{
    public static LeaseBook For(long units, IEnumerable<long> alreadyStored) => new(
        units, 0, ImmutableSortedSet<long>.Empty, ImmutableDictionary<long, Lease>.Empty,
        [.. alreadyStored.Where(unit => unit >= 0 && unit < units)]);

    public bool IsComplete => Stored.Count == Units;

    /// <summary>Leases the next unit; null when none is free now.</summary>
    public (LeaseBook Book, Lease Lease)? TryLease(NodeId holder, DateTimeOffset expires)
    {
        var fresh = NextFresh;
        while (fresh < Units && Stored.Contains(fresh))
            fresh++;

        if (!Returned.IsEmpty)
        {
            var again = new Lease(Returned.Min, holder, expires);
            return (this with { Returned = Returned.Remove(again.Unit), Leases = Leases.SetItem(again.Unit, again) }, again);
        }

        if (fresh >= Units)
            return null;

        var lease = new Lease(fresh, holder, expires);
        return (this with { NextFresh = fresh + 1, Leases = Leases.SetItem(fresh, lease) }, lease);
    }

    /// <summary>The unit is in storage, whoever brought it there.</summary>
    public LeaseBook Commit(long unit) => unit < 0 || unit >= Units
        ? this
        : this with { Stored = Stored.Add(unit), Leases = Leases.Remove(unit), Returned = Returned.Remove(unit) };

    /// <summary>A holder shows that it works: what else it holds, and has not come to yet, is its own for longer.</summary>
    public LeaseBook Renew(NodeId holder, DateTimeOffset expires) => this with
    {
        Leases = Leases.SetItems(Leases.Where(held => held.Value.Holder == holder).Select(held => KeyValuePair.Create(held.Key, held.Value with { Expires = expires }))),
    };

    /// <summary>What has run out.</summary>
    public IEnumerable<Lease> Expired(DateTimeOffset now) => Leases.Values.Where(lease => lease.Expires <= now);

    /// <summary>Takes back what a lost node held.</summary>
    public LeaseBook Return(NodeId holder) => TakeBack(Leases.Values.Where(lease => lease.Holder == holder));

    /// <summary>Takes back what ran out.</summary>
    public LeaseBook Expire(DateTimeOffset now) => TakeBack(Expired(now));

    private LeaseBook TakeBack(IEnumerable<Lease> leases)
    {
        var units = leases.Select(lease => lease.Unit).ToArray();
        return units.Length == 0 ? this : this with { Leases = Leases.RemoveRange(units), Returned = Returned.Union(units) };
    }
}
