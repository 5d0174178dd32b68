using System.Diagnostics;
using Ganymede.Messages;

namespace Ganymede.GpuNode.Runs;

/// <summary>
/// How long this node's replicas compute for a shard, in the view they are in; the Coordinator gives shards by it. The exchange, in which the fast
/// wait for the slow, is no part of it, nor what a step costs however many shards it has. Thread-safe.
/// </summary>
public sealed class ShardClock
{
    private readonly Lock _lock = new();
    private long _view, _ticks, _shards;

    /// <summary>A replica has finished a whole step of its own shards.</summary>
    public void Add(long view, long ticks, int shards)
    {
        lock (_lock)
        {
            if (view < _view)
                return;
            if (view > _view)
                (_view, _ticks, _shards) = (view, 0, 0);
            _ticks += ticks;
            _shards += shards;
        }
    }

    /// <summary>All of that view; null while there is nothing of it.</summary>
    public ShardTime? Read(long view)
    {
        lock (_lock)
            return view == _view && _shards > 0 ? new ShardTime((double)_ticks / Stopwatch.Frequency, _shards) : null;
    }
}
