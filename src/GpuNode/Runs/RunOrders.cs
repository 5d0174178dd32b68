namespace Ganymede.GpuNode.Runs;

/// <summary>What the Coordinator wants of a run besides views. Set by the run's actor, looked at by replicas between phases.</summary>
public sealed class RunOrders
{
    private volatile bool _stop;
    private long _pauseView, _pauseWithCheckpointView;
    private int _checkpoint;

    /// <summary>True once <see cref="Stop"/> was called; replicas tell the other members in the next all-reduce.</summary>
    public bool StopRequested => _stop;

    /// <summary>All members end the run after the same step.</summary>
    public void Stop() => _stop = true;

    /// <summary>Ends the view after a whole step, all members alike.</summary>
    public void Pause(long view, bool checkpoint)
    {
        if (checkpoint)
            Interlocked.Exchange(ref _pauseWithCheckpointView, view);
        Interlocked.Exchange(ref _pauseView, view);
    }

    /// <summary>Whether replicas are to tell the others, in the next all-reduce, that this view ends with the step.</summary>
    public bool PauseRequested(long view) => Interlocked.Read(ref _pauseView) == view;

    /// <summary>Writes a checkpoint after the step in hand, if this is the lead.</summary>
    public void RequestCheckpoint() => Interlocked.Exchange(ref _checkpoint, 1);

    /// <summary>From the lead's thread after a step: whether somebody asked for a checkpoint, or for one with the pause that begins here.</summary>
    public bool TakeCheckpointRequest(long view, bool pauses) =>
        Interlocked.Exchange(ref _checkpoint, 0) == 1 | (pauses && Interlocked.Read(ref _pauseWithCheckpointView) == view);
}
