using System.Collections.Concurrent;
using Ganymede.Messages;

namespace Ganymede.Coordinator.Api;

/// <summary>The metrics files of runs that somebody looked at, so that each is read once and then only what is new.</summary>
public sealed class RunMetricsFiles
{
    private const int MostKept = 64;
    private readonly ConcurrentDictionary<string, MetricsFile> _files = new();

    public MetricsFile Of(RunDescription run)
    {
        if (_files.Count > MostKept)
            _files.Clear(); // read again when asked for
        return _files.GetOrAdd(run.Run, _ => new MetricsFile(Path.Combine(run.Folder, "metrics.jsonl")));
    }
}
