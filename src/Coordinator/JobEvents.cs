using System.Collections.Concurrent;

namespace Ganymede.Coordinator;

/// <summary>The event logs of this Coordinator's jobs, by job id: where actors write and HTTP reads.</summary>
public sealed class JobEvents(TimeProvider time)
{
    private readonly ConcurrentDictionary<string, EventLog> _logs = new();

    public EventLog Open(string id) => _logs.GetOrAdd(id, _ => new EventLog(time));

    public EventLog? Find(string id) => _logs.GetValueOrDefault(id);
}
