using System.Runtime.ExceptionServices;

namespace Ganymede.Collectives;

/// <summary>
/// The replicas of one process, each on a thread of its own. Their partial sums meet in memory along the canonical tree: whoever comes
/// last adds them up and begins the group's all-reduce; then every replica copies the sum into its own memory. A failure of one is the failure of all.
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
    private (long Step, byte Phase, int Bytes) _call;
    private Stage _stage;
    private PendingReduction? _pending;
    private Memory<byte> _sum;
    private int _arrived;
    private int _leader;
    private int _left;
    private int _copying;
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

    /// <summary>Where an all-reduce is. Only one thread works on it at a time, outside the gate: the one that moved it to Adding or Waiting.</summary>
    private enum Stage
    {
        /// <summary>Replicas bring their partial sums.</summary>
        Gathering,

        /// <summary>The last one adds them up and begins the group's all-reduce.</summary>
        Adding,

        /// <summary>The group's all-reduce goes on by itself.</summary>
        Begun,

        /// <summary>A replica waits for it on behalf of all.</summary>
        Waiting,

        /// <summary>The sum lies in the leader's memory, from where the others copy it.</summary>
        Copying,

        /// <summary>A failure came before there was a sum for all.</summary>
        Abandoned,
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
        using var pending = Begin(replica, step, phase, partials, result, fingerprint, handOver: false);
        pending.Wait(cancel);
    }

    /// <summary>As <see cref="Group.Begin"/>, called by every replica's own thread. Only the last one to come has work to do here; once it is done, the
    /// all-reduce needs none of them until it is waited for.</summary>
    /// <inheritdoc cref="AllReduce"/>
    public PendingReduction Begin(
        int replica, long step, byte phase, IReadOnlyList<(Subtree Node, ReadOnlyMemory<byte> Sum)> partials, Memory<byte> result, ulong fingerprint = 0) =>
        Begin(replica, step, phase, partials, result, fingerprint, handOver: true);

    private Pending Begin(
        int replica, long step, byte phase, IReadOnlyList<(Subtree Node, ReadOnlyMemory<byte> Sum)> partials, Memory<byte> result, ulong fingerprint, bool handOver)
    {
        lock (_gate)
        {
            Throw();
            Arrive(replica, step, phase, partials, result.Length, fingerprint);
            if (_arrived < _partials.Length)
            {
                return new Pending(this, replica, result);
            }

            (_stage, _leader, _sum) = (Stage.Adding, replica, result);
        }

        PendingReduction? pending = null;
        try
        {
            pending = Add(step, phase, result, handOver);
        }
        catch (Exception error)
        {
            Fail(error);
        }

        lock (_gate)
        {
            _pending = pending;
            _stage = pending is not null ? Stage.Begun : _failure is null ? Stage.Copying : Stage.Abandoned;
            Monitor.PulseAll(_gate);
        }

        return new Pending(this, replica, result);
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
            if (_arrived == 0)
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
        // A replica that has its copy already and is ahead waits until the others have theirs, too.
        while (_stage != Stage.Gathering && _partials[replica] is null)
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

    /// <summary>Null if the sum is complete, without other parties.</summary>
    private PendingReduction? Add(long step, byte phase, Memory<byte> result, bool handOver)
    {
        if (Divergence.Find(_fingerprints, 0) is { Length: > 0 } diverged)
        {
            var names = string.Join(",", diverged.Select(replica => $"replica {replica}"));
            throw new DivergenceException(
                $"step {step}, phase {phase}: {names} diverged: fingerprints are {string.Join(", ", _fingerprints.Select(value => value.ToString("x16")))}",
                names, step, phase, default);
        }

        var merged = _sums.Merge(_partials!, result.Length);
        if (_group is not null)
        {
            return _group.Begin(step, phase, _type, merged, result, Array.Find(_fingerprints, value => value != 0), handOver);
        }

        if (merged.Count != 1 || merged[0].Node.Shards.Count != _shards)
        {
            throw new ArgumentException($"the replicas' partial sums do not cover all {_shards} shards");
        }

        merged[0].Sum.CopyTo(result);
        return null;
    }

    /// <summary>Any replica waits for the group, for all; then each takes its copy. Until this has returned or thrown nobody reads the replica's
    /// partial sums or writes its result, and nobody copies from the leader's.</summary>
    private void Wait(int replica, Memory<byte> result, CancellationToken cancel)
    {
        using var registration = cancel.UnsafeRegister(
            static (state, token) => ((LocalGroup)state!).Fail(new OperationCanceledException("a replica's all-reduce was cancelled", token)), this);
        lock (_gate)
        {
            // While another thread works, this replica's memory is in use, and a failure only hurries it.
            while (_stage is Stage.Adding or Stage.Waiting || (_stage == Stage.Gathering && _failure is null))
            {
                Monitor.Wait(_gate);
            }

            if (_stage == Stage.Begun)
            {
                WaitForGroup(cancel);
            }

            if (_stage != Stage.Copying)
            {
                Throw();
            }

            Take(replica, result); // a whole result counts, even if the group was ended in the same moment
        }
    }

    private void WaitForGroup(CancellationToken cancel)
    {
        var pending = _pending!;
        (_stage, _pending) = (Stage.Waiting, null);
        Monitor.Exit(_gate);
        Exception? failure = null;
        try
        {
            pending.Wait(cancel);
        }
        catch (Exception error)
        {
            failure = error;
            Fail(error);
        }
        finally
        {
            Monitor.Enter(_gate);
        }

        _stage = failure is null ? Stage.Copying : Stage.Abandoned;
        Monitor.PulseAll(_gate);
    }

    private void Take(int replica, Memory<byte> result)
    {
        if (replica != _leader)
        {
            _copying++;
            Monitor.Exit(_gate);
            try
            {
                _sum.CopyTo(result);
            }
            finally
            {
                Monitor.Enter(_gate);
                _copying--;
            }
        }

        _partials[replica] = null;
        _left++;
        Monitor.PulseAll(_gate);
        // The others copy out of the leader's memory: it stays here meanwhile. After a failure some may never come.
        while (replica == _leader && (_copying > 0 || (_left < _partials.Length && _failure is null)))
        {
            Monitor.Wait(_gate);
        }

        if (replica == _leader)
        {
            _stage = _left == _partials.Length ? Stage.Gathering : Stage.Abandoned;
            (_arrived, _left, _sum) = (0, 0, default);
            Monitor.PulseAll(_gate);
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

    private sealed class Pending(LocalGroup local, int replica, Memory<byte> result) : PendingReduction
    {
        private bool _isOver;

        public override void Wait(CancellationToken cancel = default)
        {
            if (_isOver)
            {
                throw new InvalidOperationException("this all-reduce was waited for already");
            }

            _isOver = true;
            local.Wait(replica, result, cancel);
        }

        public override void Dispose()
        {
            if (_isOver)
            {
                return;
            }

            local.Abort($"replica {replica} gave up");
            try
            {
                Wait();
            }
            catch (Exception error) when (ReferenceEquals(error, local._failure))
            {
                // Ended as it should; the next call says so.
            }
        }
    }
}
