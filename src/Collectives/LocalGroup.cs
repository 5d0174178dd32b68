using System.Diagnostics;
using System.Runtime.ExceptionServices;

namespace Ganymede.Collectives;

/// <summary>
/// The replicas of one process, each on a thread of its own. Their partial sums meet in memory along the canonical tree; then
/// one of the threads runs the group's all-reduce, and every replica copies the sum into its own memory. A failure of one is the failure of all.
/// </summary>
public sealed class LocalGroup : IDisposable
{
    private readonly object _gate = new();
    private readonly Group? _group;
    private readonly int _shards;
    private readonly ElementType _type;
    private readonly IReadOnlyList<(Subtree Node, ReadOnlyMemory<byte> Sum)>?[] _partials;
    private readonly ulong[] _fingerprints;
    private readonly LocalSums _sums;
    private Memory<byte> _sum;
    private (long Step, byte Phase, int Bytes) _call;
    private int _arrived;
    private int _copying;
    private long _round;
    private bool _leading;
    private Exception? _failure;

    /// <param name="group">The view's group, disposed by its owner; null if these replicas are the whole run.</param>
    /// <param name="replicas">Threads that will call, 1 or more. Which shards each owns is seen from what it brings.</param>
    /// <param name="shards">V.</param>
    /// <param name="type">Type of an element.</param>
    public LocalGroup(Group? group, int replicas, int shards, ElementType type)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(replicas, 1);
        ShardAssignment.RequirePowerOfTwo(shards);
        if (group is not null && group.Shards != shards)
        {
            throw new ArgumentException($"{shards} shards where the group has {group.Shards}", nameof(shards));
        }

        (_group, _shards, _type) = (group, shards, type);
        _partials = new IReadOnlyList<(Subtree, ReadOnlyMemory<byte>)>[replicas];
        _fingerprints = new ulong[replicas];
        _sums = new LocalSums(shards, type);
    }

    public int Replicas => _partials.Length;

    /// <summary>As <see cref="Group.AllReduce"/>, called by every replica's own thread.</summary>
    /// <param name="replica">Which one calls, 0..<see cref="Replicas"/>-1.</param>
    /// <inheritdoc cref="Group.AllReduce"/>
    public void AllReduce(
        int replica, long step, byte phase, IReadOnlyList<(Subtree Node, ReadOnlyMemory<byte> Sum)> partials, Memory<byte> result,
        ulong fingerprint = 0, CancellationToken cancel = default)
    {
        cancel.ThrowIfCancellationRequested();
        using var registration = cancel.UnsafeRegister(
            static (state, token) => ((LocalGroup)state!).Fail(new OperationCanceledException("a replica's all-reduce was cancelled", token)), this);
        bool leads;
        long round;
        lock (_gate)
        {
            Throw();
            Arrive(replica, step, phase, partials, result.Length, fingerprint);
            leads = _leading = _arrived == _partials.Length;
            round = _round;
        }

        if (leads)
        {
            Lead(step, phase, result, cancel);
        }
        else
        {
            Follow(round, result);
        }
    }

    /// <summary>Ends the group for all replicas, and the view's group with it.</summary>
    public void Abort(string reason)
    {
        var (name, step, phase) = (_group?.Parties[_group.Self].Name ?? "this process", _call.Step, _call.Phase);
        Fail(new CollectiveException($"all-reduce of the replicas in '{name}' aborted: {reason}", name, step, phase, -1, default));
    }

    /// <summary>Wakes whoever waits. The view's group is left to its owner.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            if (_arrived == 0 && _copying == 0)
            {
                _failure ??= new ObjectDisposedException(nameof(LocalGroup));
                return;
            }
        }

        Abort("disposed");
    }

    private void Arrive(
        int replica, long step, byte phase, IReadOnlyList<(Subtree Node, ReadOnlyMemory<byte> Sum)> partials, int bytes, ulong fingerprint)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(replica);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(replica, _partials.Length);
        // A replica that is ahead waits until the others have copied the last sum.
        while (_copying > 0)
        {
            Monitor.Wait(_gate);
            Throw();
        }

        if (_partials[replica] is not null)
        {
            throw new InvalidOperationException($"replica {replica} is in this all-reduce already");
        }

        if (_arrived == 0)
        {
            _call = (step, phase, bytes);
        }
        else if (_call != (step, phase, bytes))
        {
            var error = new CollectiveException(
                $"replica {replica} is at step {step}, phase {phase} with {bytes} bytes, others at step {_call.Step}, phase {_call.Phase} with {_call.Bytes}",
                $"replica {replica}", step, phase, -1, default);
            Fail(error);
            throw error;
        }

        _partials[replica] = partials;
        _fingerprints[replica] = fingerprint;
        _arrived++;
    }

    private void Lead(long step, byte phase, Memory<byte> result, CancellationToken cancel)
    {
        try
        {
            if (Divergence.Find(_fingerprints, 0) is { Length: > 0 } diverged)
            {
                var names = string.Join(",", diverged.Select(replica => $"replica {replica}"));
                throw new DivergenceException(
                    $"step {step}, phase {phase}: {names} diverged: fingerprints are {string.Join(", ", _fingerprints.Select(value => value.ToString("x16")))}",
                    names, step, phase, default);
            }

            var merged = _sums.Merge(_partials!, result.Length);
            if (_group is null)
            {
                if (merged.Count != 1 || merged[0].Node.Shards.Count != _shards)
                {
                    throw new ArgumentException($"the replicas' partial sums do not cover all {_shards} shards");
                }

                merged[0].Sum.CopyTo(result);
            }
            else
            {
                var fingerprint = Array.Find(_fingerprints, value => value != 0);
                _group.AllReduce(step, phase, _type, merged, result, fingerprint, cancel);
            }
        }
        catch (Exception error)
        {
            lock (_gate)
            {
                _leading = false;
                Fail(error);
                Throw();
            }
        }

        lock (_gate)
        {
            _leading = false;
            Array.Clear(_partials);
            (_arrived, _copying, _sum) = (0, _partials.Length - 1, result);
            _round++;
            Monitor.PulseAll(_gate);
            // The others copy out of this replica's memory: it stays here meanwhile. Copying does not fail or wait.
            while (_copying > 0)
            {
                Monitor.Wait(_gate);
            }

            _sum = default;
            Monitor.PulseAll(_gate);
        }
    }

    private void Follow(long round, Memory<byte> result)
    {
        lock (_gate)
        {
            // While the leader works, this replica's partial sums are being read: it may not return, only hurry the leader.
            while (_round == round && (_failure is null || _leading))
            {
                Monitor.Wait(_gate);
            }

            if (_round == round)
            {
                Throw();
            }
        }

        try
        {
            _sum.CopyTo(result);
        }
        finally
        {
            lock (_gate)
            {
                _copying--;
                Monitor.PulseAll(_gate);
            }
        }
    }

    private void Fail(Exception error)
    {
        lock (_gate)
        {
            if (_failure is not null)
            {
                return;
            }

            _failure = error;
            Monitor.PulseAll(_gate);
        }

        _group?.Abort(error.Message);
    }

    private void Throw()
    {
        if (_failure is not null)
        {
            ExceptionDispatchInfo.Throw(_failure);
        }
    }
}
