using System.Runtime.CompilerServices;
using System.Text.Json;
using Ganymede.Coordinator.Api;
using Ganymede.Messages;
using Ganymede.Messages.Api;

namespace Ganymede.Coordinator;

/// <summary>
/// What happened in one job, in order. Its actor appends; any number of HTTP readers follow from any sequence number.
/// Thread-safe. Of the progress events only the newest few hundred are kept, so a run of weeks does not grow it.
/// </summary>
public sealed class EventLog(TimeProvider time)
{
    private const int ProgressKept = 600;

    private readonly Lock _lock = new();
    private readonly List<RunEvent> _events = [];
    private RunCurve _curve = new();
    private TaskCompletionSource _appended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _lastSequence;
    private int _progressCount;
    private string? _mirror;

    /// <summary>Numbers and stamps the event; after one that ends the job nothing more is taken.</summary>
    public void Append(RunEvent happened)
    {
        TaskCompletionSource readers;
        lock (_lock)
        {
            if (_events.Count > 0 && Ends(_events[^1]))
                return;

            _events.Add(happened with { Sequence = ++_lastSequence, Time = time.GetUtcNow() });
            if (happened.Progress is { } progress)
                _curve.Add(_events[^1].Time, progress);
            if (_mirror is not null)
                AppendTo(_mirror, _events[^1..]);
            if (happened.Kind == RunEventKind.Progress && ++_progressCount > ProgressKept)
            {
                _events.RemoveAt(_events.FindIndex(old => old.Kind == RunEventKind.Progress));
                _progressCount--;
            }

            readers = _appended;
            _appended = new(TaskCreationOptions.RunContinuationsAsynchronously);
        }

        readers.SetResult();
    }

    /// <summary>Events numbered above <paramref name="after"/>, old and new, until the one that ends the job.</summary>
    public async IAsyncEnumerable<RunEvent> ReadAsync(long after, [EnumeratorCancellation] CancellationToken cancel)
    {
        while (true)
        {
            RunEvent[] news;
            Task appended;
            lock (_lock)
            {
                news = [.. _events.Where(happened => happened.Sequence > after)];
                appended = _appended.Task;
            }

            foreach (var happened in news)
            {
                yield return happened;
                if (Ends(happened))
                    yield break;
                after = happened.Sequence;
            }

            if (news.Length == 0)
                await appended.WaitAsync(cancel);
        }
    }

    /// <summary>The first events numbered above <paramref name="after"/>, <paramref name="most"/> at most; and whether nothing follows them, ever.</summary>
    public (IReadOnlyList<RunEvent> Events, bool IsLast) Read(long after, int most)
    {
        lock (_lock)
        {
            RunEvent[] news = [.. _events.Where(happened => happened.Sequence > after).Take(most)];
            var last = news.Length > 0 ? news[^1] : _events.Count > 0 ? _events[^1] : null;
            return (news, last is not null && last.Sequence == _lastSequence && Ends(last));
        }
    }

    /// <summary>Writes all events, old and new, to a file too, one JSON object a line, so that the story of a job outlives this process.</summary>
    /// <exception cref="IOException">The file cannot be written now. If that happens later, the file ends there and the job goes on.</exception>
    public void MirrorTo(string path)
    {
        lock (_lock)
        {
            AppendTo(path, _events);
            _mirror = path;
        }
    }

    /// <summary>
    /// Takes in the events that another Coordinator wrote before this one took its job over, and goes on in the same file with the
    /// next number. A torn last line, as a killed process leaves it, is cut off. A run that was resumed has another one's events before its own, with
    /// the end of that one; they stay in the file alone.
    /// </summary>
    /// <exception cref="IOException">The file is not there, or cannot be written: what could be read is taken in, and nothing is written any more.</exception>
    public void GoOnFrom(string path)
    {
        lock (_lock)
        {
            List<RunEvent> known = [];
            foreach (var line in File.ReadLines(path))
            {
                try
                {
                    known.Add(JsonSerializer.Deserialize<RunEvent>(line, ApiJson.Options) ?? throw new JsonException("empty"));
                }
                catch (JsonException)
                {
                    break;
                }
            }

            var own = known.Count < 2 ? known : known[(known.FindLastIndex(known.Count - 2, Ends) + 1)..];
            _events.Clear();
            _events.AddRange(own.Where(happened => happened.Kind != RunEventKind.Progress));
            _curve = new RunCurve();
            foreach (var happened in own.Where(happened => happened.Progress is not null))
                _curve.Add(happened.Time, happened.Progress!);
            _lastSequence = own.Count == 0 ? 0 : own[^1].Sequence;
            AtomicFile.WriteLines(path, known.Select(happened => JsonSerializer.Serialize(happened, ApiJson.Options)));
            _mirror = path;
        }
    }

    /// <summary>The data set, once it is packed.</summary>
    public DataSummary? Data
    {
        get
        {
            lock (_lock)
                return _events.Find(happened => happened.Data is not null)?.Data;
        }
    }

    /// <summary>The newest event; null before the first.</summary>
    public RunEvent? Last
    {
        get
        {
            lock (_lock)
                return _events.Count == 0 ? null : _events[^1];
        }
    }

    /// <summary>Nothing follows any more.</summary>
    public bool HasEnded => Last is { } last && Ends(last);

    /// <summary>The run's reports from first to last, the older ones joined.</summary>
    public CurvePoint[] Curve()
    {
        lock (_lock)
            return _curve.ToArray();
    }

    /// <summary>Of the events that are not progress and numbered above <paramref name="after"/> the newest, <paramref name="most"/> at most.</summary>
    public RunEvent[] Words(long after, int most)
    {
        lock (_lock)
            return [.. _events.Where(happened => happened.Kind != RunEventKind.Progress && happened.Sequence > after).TakeLast(most)];
    }

    /// <summary>Number of the newest event that is not progress; 0 before the first.</summary>
    public long LastWords
    {
        get
        {
            lock (_lock)
                return _events.FindLast(happened => happened.Kind != RunEventKind.Progress)?.Sequence ?? 0;
        }
    }

    private void AppendTo(string path, IReadOnlyList<RunEvent> events)
    {
        try
        {
            File.AppendAllLines(path, events.Select(happened => JsonSerializer.Serialize(happened, ApiJson.Options)));
        }
        catch (Exception error) when (_mirror is not null && error is (IOException or UnauthorizedAccessException))
        {
            _mirror = null;
        }
    }

    private static bool Ends(RunEvent happened) => happened.Kind is RunEventKind.Finished or RunEventKind.Failed;
}
