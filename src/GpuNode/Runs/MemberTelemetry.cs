using System.Diagnostics;
using Ganymede.Messages;

namespace Ganymede.GpuNode.Runs;

/// <summary>One run on this node as the metrics show it. Reads what the replicas' threads write for themselves, whenever somebody asks; they do nothing for it.</summary>
/// <param name="run">The run's id.</param>
/// <param name="loops">The node's replicas in it.</param>
/// <param name="view">Number of the newest view.</param>
/// <param name="writer">The run's files, where this member is the lead.</param>
internal sealed class MemberTelemetry(RunId run, ReplicaLoop[] loops, Func<long> view, Func<RunWriter?> writer)
{
    private double _stallSeconds;
    private long _stalledSince;

    public string Run { get; } = run.Value;

    public long Step => loops[0].Step;

    public long View => view();

    public long LiveTensors => loops.Sum(loop => loop.LiveTensors);

    public long Images => loops.Sum(loop => loop.Images);

    public long SkippedSteps => loops[0].SkippedSteps; // all replicas skip alike

    public int WriterQueue => writer()?.Pending ?? 0;

    /// <summary>Seconds, summed over replicas.</summary>
    public PhaseSeconds Phases => loops.Select(loop => loop.Phases).Aggregate((sum, one) => new PhaseSeconds(
        sum.Compute + one.Compute, sum.ExposedCommunication + one.ExposedCommunication, sum.Optimizer + one.Optimizer));

    /// <summary>Time without a view so far. A wait counts when it is over: then it is known whether the run was paused, which is no stall.</summary>
    public double StallSeconds => Volatile.Read(ref _stallSeconds);

    /// <summary>A view is over, and the run is not. A view that never came to life here is part of the wait.</summary>
    public void ViewEnded()
    {
        if (_stalledSince == 0)
            _stalledSince = Stopwatch.GetTimestamp();
    }

    /// <summary>The next one begins.</summary>
    public void ViewBegun(bool wasPaused)
    {
        if (_stalledSince != 0 && !wasPaused)
            Volatile.Write(ref _stallSeconds, _stallSeconds + Stopwatch.GetElapsedTime(_stalledSince).TotalSeconds);
        _stalledSince = 0;
    }
}
