using System.IO.Hashing;
using Ganymede.Collectives;
using Ganymede.Messages;
using Ganymede.Training;

namespace Ganymede.GpuNode.Runs;

/// <summary>What members give each other when a view begins: the last sum, or all of the state. Served from memory on the data plane.</summary>
public sealed class HandOver(DataPlane dataPlane, RunId run, StallDeadlines deadlines, int phasesPerStep) : IDisposable
{
    private static readonly TimeSpan _retryPause = TimeSpan.FromMilliseconds(20);

    private readonly Lock _lock = new();
    private string? _sumKey, _stateKey;

    /// <summary>Offers the sum with which a member reached <paramref name="position"/>, in place of the one before. It must not change while a member
    /// may lack it.</summary>
    /// <returns>Its XXH3-64.</returns>
    public ulong ServeSum(long position, ReadOnlyMemory<byte> sum)
    {
        Serve(ref _sumKey, $"{run}-sum-{position}", sum);
        return XxHash3.HashToUInt64(sum.Span);
    }

    public void ServeState(long position, byte[] blob) => Serve(ref _stateKey, $"{run}-state-{position}", blob);

    /// <summary>Nobody needs the state any more: all members have it.</summary>
    public void DropState()
    {
        lock (_lock)
        {
            if (_stateKey is { } key)
                dataPlane.Unserve(key);
            _stateKey = null;
        }
    }

    /// <summary>The sum of the view's source.</summary>
    /// <exception cref="FetchException">It was not to be had within the deadline, or is not the one announced.</exception>
    public byte[] FetchSum(ViewIssued issued, int bytes, CancellationToken cancel)
    {
        var sum = Fetch(issued, $"{run}-sum-{issued.Position}", bytes, cancel);
        return sum.Length == bytes && XxHash3.HashToUInt64(sum) == issued.SumHash
            ? sum
            : throw new FetchException($"the sum that {issued.Source} handed over is not the one announced for view {issued.View.Number}");
    }

    /// <summary>The state of the view's source.</summary>
    /// <exception cref="FetchException">It was not to be had within the deadline.</exception>
    /// <exception cref="CheckpointException">It is torn, malformed, or of another step.</exception>
    public ReplicaState FetchState(ViewIssued issued, CancellationToken cancel)
    {
        var (state, step) = StateBlob.Read(Fetch(issued, $"{run}-state-{issued.Position}", Array.MaxLength, cancel));
        return phasesPerStep * step == issued.Position
            ? state
            : throw new CheckpointException($"{issued.Source} handed over the state of step {step}, not of step {issued.Position / phasesPerStep}");
    }

    public void Dispose()
    {
        DropState();
        lock (_lock)
        {
            if (_sumKey is { } key)
                dataPlane.Unserve(key);
            _sumKey = null;
        }
    }

    private void Serve(ref string? served, string key, ReadOnlyMemory<byte> content)
    {
        lock (_lock)
        {
            if (served is not null && served != key)
                dataPlane.Unserve(served);
            dataPlane.Serve(served = key, content);
        }
    }

    /// <summary>The source may have learned of the view later, and may still be copying; not if its process is gone.</summary>
    private byte[] Fetch(ViewIssued issued, string key, int maximumBytes, CancellationToken cancel)
    {
        var source = issued.View.Members.First(member => member.Node == issued.Source);
        using var late = new CancellationTokenSource(deadlines.HandOver);
        while (true)
        {
            try
            {
                return dataPlane.Fetch(source.Host, source.Port, key, maximumBytes, cancel);
            }
            catch (FetchException) when (!late.IsCancellationRequested && Probe.Ask(source.Host, source.Port, deadlines.Probe, source.Node.Value) != ProbeAnswer.Gone)
            {
                cancel.WaitHandle.WaitOne(_retryPause);
            }
        }
    }
}
