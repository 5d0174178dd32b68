using System.Runtime.CompilerServices;
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
    private TaskCompletionSource _appended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _lastSequence;
    private int _progressCount;

    /// <summary>Numbers and stamps the event; after one that ends the job nothing more is taken.</summary>
    public void Append(RunEvent happened)
    {
        TaskCompletionSource readers;
        lock (_lock)
        {
            if (_events.Count > 0 && Ends(_events[^1]))
                return;

            _events.Add(happened with { Sequence = ++_lastSequence, Time = time.GetUtcNow() });
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

    /// <summary>The newest event; null before the first.</summary>
    public RunEvent? Last
    {
        get
        {
            lock (_lock)
                return _events.Count == 0 ? null : _events[^1];
        }
    }

    private static bool Ends(RunEvent happened) => happened.Kind is RunEventKind.Finished or RunEventKind.Failed;
}
