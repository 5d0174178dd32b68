namespace Ganymede.Coordinator;

/// <summary>The event logs of this Coordinator's jobs, by job id: where actors write and HTTP reads. Thread-safe. Of the jobs that are over the newest few hundred are kept.</summary>
public sealed class JobEvents(TimeProvider time)
{
    private const int Kept = 256;

    private readonly Lock _lock = new();
    private readonly OrderedDictionary<string, EventLog> _logs = [];

    public EventLog Open(string id)
    {
        lock (_lock)
        {
            if (_logs.TryGetValue(id, out var log))
                return log;
            if (_logs.Count >= Kept && _logs.FirstOrDefault(job => job.Value.HasEnded).Key is { } oldest)
                _logs.Remove(oldest);
            return _logs[id] = new EventLog(time);
        }
    }

    public EventLog? Find(string id)
    {
        lock (_lock)
            return _logs.GetValueOrDefault(id);
    }
}
