using System.Globalization;
using System.Text.Json;
using Ganymede.Messages;
using Ganymede.Messages.Api;

namespace Ganymede.GpuNode.Runs;

/// <summary>
/// The last thousand things that happened on this node in a run, in memory; written to <c>recorder/</c> in the run's folder when a
/// view breaks, when the run fails here and when it ends, for <c>ganymede explain</c>. Thread-safe.
/// </summary>
public sealed class FlightRecorder(string runFolder, NodeId node, TimeProvider time, int phasesPerStep)
{
    private const int Kept = 1000;

    private readonly Lock _lock = new();
    private readonly FlightEvent[] _ring = new FlightEvent[Kept];
    private long _next;

    /// <param name="what">A short word that names the kind.</param>
    /// <param name="position">Phases summed; the phase in hand is the next one.</param>
    /// <param name="milliseconds">How long it took; 0 for a moment.</param>
    public void Add(string what, long view, long position, double milliseconds = 0, string? text = null)
    {
        var happened = new FlightEvent(time.GetUtcNow(), node.Value, what, view, position / phasesPerStep, (int)(position % phasesPerStep), Math.Round(milliseconds, 3), text);
        lock (_lock)
            _ring[_next++ % Kept] = happened;
    }

    /// <summary>Writes all that is kept in place of what was written before. A full disk costs the record, not the run.</summary>
    public void Dump()
    {
        FlightEvent[] events;
        lock (_lock)
            events = [.. Enumerable.Range(0, (int)Math.Min(_next, Kept)).Select(i => _ring[(_next - Math.Min(_next, Kept) + i) % Kept])];

        try
        {
            var folder = Directory.CreateDirectory(Path.Combine(runFolder, FlightEvent.Folder)).FullName;
            var path = Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"{node}.jsonl"));
            AtomicFile.WriteLines(path, events.Select(happened => JsonSerializer.Serialize(happened, ApiJson.Options)));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // What fails the run, if anything does, is said elsewhere.
        }
    }
}
