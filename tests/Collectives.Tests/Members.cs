using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;
using Ganymede.Collectives;

namespace Ganymede.Tests;

/// <summary>Several data planes in one process, joined over real sockets on loopback, each member on a thread of its own. They exchange directly unless
/// configured otherwise.</summary>
internal sealed class Members : IAsyncDisposable
{
    private readonly string _run = Guid.NewGuid().ToString("N");

    public Members(int shards, IReadOnlyList<ShardRange> owned, Func<DataPlaneOptions, DataPlaneOptions>? configure = null)
    {
        (Shards, Owned) = (shards, owned);
        Planes = [.. owned.Select((_, i) =>
        {
            var options = new DataPlaneOptions
            {
                Name = $"member-{i}", Log = Lines.Enqueue, MaxStall = TimeSpan.FromSeconds(5), PhaseDeadline = TimeSpan.FromSeconds(30), Algorithm = Algorithm.Direct,
            };
            return DataPlane.Listen(configure?.Invoke(options) ?? options);
        })];
        Addresses = [.. owned.Select((range, i) => new PartyAddress($"member-{i}", "127.0.0.1", Planes[i].Port, range))];
    }

    public Members(int shards, int members, Func<DataPlaneOptions, DataPlaneOptions>? configure = null)
        : this(shards, ShardAssignment.Even(shards, members), configure)
    {
    }

    public int Shards { get; }

    public IReadOnlyList<ShardRange> Owned { get; }

    public IReadOnlyList<DataPlane> Planes { get; }

    public IReadOnlyList<PartyAddress> Addresses { get; }

    public ConcurrentQueue<string> Lines { get; } = new();

    public string RunId => _run;

    public Group Join(int member, long view = 1) => Planes[member].Join(_run, view, Addresses, member, Shards);

    /// <summary>A view in which the shards are in other hands.</summary>
    public Group Join(int member, long view, IReadOnlyList<ShardRange> owned) =>
        Planes[member].Join(_run, view, [.. Addresses.Select((address, i) => address with { Shards = owned[i] })], member, Shards);

    public Group[] JoinAll(long view = 1) => [.. Enumerable.Range(0, Planes.Count).Select(member => Join(member, view))];

    /// <summary>Runs one body per member at the same time; the first exception of any is thrown once all have ended.</summary>
    public static void Run(int members, Action<int> body)
    {
        if (Outcomes(members, body).FirstOrDefault(error => error is not null) is { } first)
        {
            ExceptionDispatchInfo.Throw(first);
        }
    }

    /// <summary>What each member's body threw; null if it returned.</summary>
    public static Exception?[] Outcomes(int members, Action<int> body)
    {
        var outcomes = new Exception?[members];
        var threads = Enumerable.Range(0, members).Select(member => new Thread(() => outcomes[member] = Record.Exception(() => body(member))) { IsBackground = true }).ToArray();
        foreach (var thread in threads)
        {
            thread.Start();
        }

        foreach (var thread in threads)
        {
            Assert.True(thread.Join(TimeSpan.FromSeconds(60)), "a member is still waiting after 60 s");
        }

        return outcomes;
    }

    public static PartialSums PartialsOf(int shards, ShardRange owned, ElementType type, byte[][] gradients)
    {
        var sums = new PartialSums(shards, owned, type, gradients[0].Length / type.Size());
        for (var shard = owned.First; shard < owned.End; shard++)
        {
            sums.Add(shard, gradients[shard]);
        }

        return sums;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var plane in Planes)
        {
            await plane.DisposeAsync();
        }
    }
}
