namespace Ganymede.Messages;

/// <summary>
/// Every deadline of a run, from the one knob <c>--max-stall</c>: after how long a member that does nothing any more must be out of
/// the run. A stopped process is found by three steps that fit into it: silence where something is due, no answer to a probe, no sign of life to the Coordinator.
/// </summary>
/// <param name="MaxStall">Within <see cref="Least"/> and <see cref="Most"/>; 3 s unless told otherwise.</param>
public readonly record struct StallDeadlines(TimeSpan MaxStall)
{
    public const double LeastSeconds = 0.5, MostSeconds = 600, DefaultSeconds = 3;

    public static StallDeadlines OfSeconds(double seconds) => new(TimeSpan.FromSeconds(seconds));

    /// <summary>Silence of a member whose partial sums are due, after which it is asked whether it lives.</summary>
    public TimeSpan Silence => MaxStall / 4;

    /// <summary>For its answer. Any live process answers at once, whatever it computes.</summary>
    public TimeSpan Probe => MaxStall / 4;

    /// <summary>For a sign of life of a member that its peers suspect, after the Coordinator heard of it.</summary>
    public TimeSpan Confirm => MaxStall / 3;

    /// <summary>Between two signs of life while a view changes.</summary>
    public TimeSpan Beat => MaxStall / 12;

    /// <summary>A member that answers probes but is not done with a phase: its threads hang.</summary>
    public TimeSpan Phase => MaxStall * 100;

    /// <summary>How long members wait without a Coordinator for their next view, and a finished one for the end of the run.</summary>
    public TimeSpan NextView => MaxStall * 100;

    /// <summary>For the first answer to a request for a member's state or sum; it may still be copying it.</summary>
    public TimeSpan HandOver => MaxStall * 10;

    /// <summary>A node that was evicted <paramref name="times"/> times waits this long before it may join again: twice as long each time.</summary>
    public TimeSpan BackOff(int times) => MaxStall * Math.Pow(2, Math.Clamp(times - 1, 0, 10));

    /// <summary>After so long a time since its last eviction a node is as good as new: it flaps no more.</summary>
    public TimeSpan Forget(int times) => BackOff(times) + (MaxStall * 100);
}
