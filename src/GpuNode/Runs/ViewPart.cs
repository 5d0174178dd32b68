using Ganymede.Collectives;
using Ganymede.Messages;
using Ganymede.Training;

namespace Ganymede.GpuNode.Runs;

/// <summary>What a node's replicas have in common in one view: the session gives it to their threads, and they hand it back when the view is over.</summary>
/// <param name="view">The view's number.</param>
/// <param name="position">Phases summed when it begins; a replica that has one less applies <see cref="Sum"/> first.</param>
/// <param name="group">The members' sockets.</param>
/// <param name="local">The node's replicas, and behind them the group.</param>
/// <param name="owned">Shards of each replica.</param>
public sealed class ViewPart(long view, long position, Group group, LocalGroup local, ShardRange[] owned) : IDisposable
{
    private readonly CountdownEvent _running = new(owned.Length);
    private CollectiveException? _failure;
    private volatile bool _isOver;

    public long View { get; } = view;
    public long Position { get; } = position;
    public Group Group { get; } = group;
    public LocalGroup Local { get; } = local;
    public ShardRange[] Owned { get; } = owned;

    /// <summary>The sum of phase <see cref="Position"/> - 1, for a node that lacks it.</summary>
    public byte[]? Sum { get; init; }

    /// <summary>All of the state, for a node that joins.</summary>
    public ReplicaState? State { get; init; }

    /// <summary>Somebody joins, and this node is the one that hands the state over.</summary>
    public bool HandsStateOver { get; init; }

    /// <summary>How long the run was paused before this view, in ticks of the stopwatch; it does not count as training.</summary>
    public long HeldTicks { get; init; }

    /// <summary>Only the lead member's first replica writes.</summary>
    public RunWriter? Writer { get; init; }

    /// <summary>No replica begins another shard.</summary>
    public bool IsOver => _isOver;

    /// <summary>Ends the view here: whoever is in an all-reduce gets an exception at once.</summary>
    public void End(string reason)
    {
        _isOver = true;
        Local.Abort(reason);
    }

    /// <summary>An all-reduce has failed: the view is over. True for the first replica that says so, of a failure that is not this node's own doing.</summary>
    public bool Break(CollectiveException failure)
    {
        var isFirst = Interlocked.CompareExchange(ref _failure, failure, null) is null;
        var isOwnDoing = _isOver || failure.Party == Group.Parties[Group.Self].Name;
        _isOver = true;
        return isFirst && !isOwnDoing;
    }

    /// <summary>A replica's last word in this view.</summary>
    public void Leave() => _running.Signal();

    /// <summary>True once all replicas have left.</summary>
    public bool Wait(TimeSpan patience, CancellationToken cancel) => _running.Wait(patience, cancel);

    public void Dispose()
    {
        Local.Dispose();
        Group.Dispose();
    }
}
