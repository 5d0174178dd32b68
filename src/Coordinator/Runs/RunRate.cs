namespace Ganymede.Coordinator.Runs;

/// <summary>Steps a second over the last reports, smoothed enough to read and quick enough to show a change.</summary>
public sealed class RunRate(TimeProvider time)
{
    private static readonly TimeSpan _window = TimeSpan.FromSeconds(10);
    private readonly Queue<(long Timestamp, long Step)> _seen = new();

    /// <summary>Takes in how far the run is now and returns steps a second over the window; 0 before the second call.</summary>
    public double Observe(long step)
    {
        var now = time.GetTimestamp();
        _seen.Enqueue((now, step));
        while (_seen.Count > 2 && time.GetElapsedTime(_seen.Peek().Timestamp, now) > _window)
            _seen.Dequeue();

        var oldest = _seen.Peek();
        var seconds = time.GetElapsedTime(oldest.Timestamp, now).TotalSeconds;
        return seconds > 0 ? (step - oldest.Step) / seconds : 0;
    }
}
