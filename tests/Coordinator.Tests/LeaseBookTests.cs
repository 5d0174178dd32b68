using CsCheck;
using Ganymede.Coordinator.Generation;
using Ganymede.Messages;

namespace Ganymede.Tests;

public sealed class LeaseBookTests
{
    private static readonly DateTimeOffset Start = DateTimeOffset.UnixEpoch;
    private static readonly NodeId A = new("a"), B = new("b");

    [Fact]
    public void Whatever_happens_no_unit_is_lost_or_held_by_two_and_the_job_ends() =>
        Gen.Select(Gen.Int[1, 30], Gen.Int[0, 5].Array[0, 200], Gen.Int[0, 1000]).Sample((units, events, seed) =>
        {
            var random = new Random(seed);
            var now = Start;
            var book = LeaseBook.For(units, Enumerable.Range(0, units).Where(_ => random.Next(5) == 0).Select(unit => (long)unit));
            foreach (var what in events)
            {
                now += TimeSpan.FromSeconds(random.Next(3));
                var holder = new NodeId($"n{random.Next(3)}");
                book = what switch
                {
                    0 => book.Return(holder),
                    1 => book.Expire(now),
                    2 when book.Leases.Count > 0 => book.Commit(book.Leases.Keys.ElementAt(random.Next(book.Leases.Count))),
                    3 => book.Commit(random.Next(-2, units + 2)),
                    _ => book.TryLease(holder, now + TimeSpan.FromSeconds(5))?.Book ?? book,
                };
                RequireWhole(book);
            }

            while (!book.IsComplete)
            {
                if (book.TryLease(A, now) is var (leased, lease))
                    book = leased.Commit(lease.Unit);
                else
                    book = book.Expire(DateTimeOffset.MaxValue);
            }

            Assert.Null(book.TryLease(A, now));
        });

    [Fact]
    public void A_lost_nodes_units_are_handed_out_again_first()
    {
        var book = LeaseBook.For(5, []);
        book = book.TryLease(A, Start)!.Value.Book;
        book = book.TryLease(B, Start)!.Value.Book;

        book = book.Return(A);

        Assert.Equal(0, book.TryLease(B, Start)!.Value.Lease.Unit);
        Assert.Equal([1L], book.Leases.Keys);
    }

    [Fact]
    public void A_unit_that_comes_after_its_lease_ran_out_still_counts_and_is_not_leased_again()
    {
        var book = LeaseBook.For(1, []).TryLease(A, Start)!.Value.Book.Expire(Start);

        book = book.Commit(0);

        Assert.True(book.IsComplete);
        Assert.Null(book.TryLease(B, Start));
    }

    [Fact]
    public void What_is_stored_already_is_never_leased()
    {
        var book = LeaseBook.For(3, [0, 2, 7, -1]);

        Assert.Equal(1, book.TryLease(A, Start)!.Value.Lease.Unit);
        Assert.Null(book.TryLease(A, Start)!.Value.Book.TryLease(B, Start));
    }

    /// <summary>Each unit below the next fresh one is stored, leased or returned; none is two of these.</summary>
    private static void RequireWhole(LeaseBook book)
    {
        for (long unit = 0; unit < book.Units; unit++)
        {
            var places = (book.Stored.Contains(unit) ? 1 : 0) + (book.Leases.ContainsKey(unit) ? 1 : 0) + (book.Returned.Contains(unit) ? 1 : 0);
            Assert.InRange(places, unit < book.NextFresh ? 1 : 0, 1);
        }
    }
}
