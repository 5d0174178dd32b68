using System.Diagnostics;
using System.Diagnostics.Metrics;
using Ganymede.Messages;

namespace Ganymede.Coordinator.Runs;

/// <summary>How a run came to its end.</summary>
internal enum RunOutcome
{
    Finished,
    Stopped,
    Failed,

    /// <summary>The Coordinator ended before the run did.</summary>
    Abandoned,
}

/// <summary>
/// One run as metrics and traces show it: a span of the run, one of each view, and figures. The run's actor writes; a scrape reads, from another
/// thread, only whole immutable records and single numbers.
/// </summary>
internal sealed class RunTelemetry : IDisposable
{
    private const string Paused = "paused";

    private readonly Func<(RunState State, Views? Views)> _read;
    private readonly int _phasesPerStep;
    private readonly Activity? _run;
    private Activity? _view;
    private long _evictions, _joins, _leaves, _divergences;
    private double _imagesPerSecond;
    private RunOutcome _outcome = RunOutcome.Abandoned;

    /// <param name="read">The actor's newest records.</param>
    public RunTelemetry(RunId run, int members, long steps, int phasesPerStep, Func<(RunState State, Views? Views)> read)
    {
        (Run, MembersWanted, StepsWanted, _phasesPerStep, _read) = (run.Value, members, steps, phasesPerStep, read);
        _run = Start("run", [new("members_wanted", members), new("steps_wanted", steps)]);
        Telemetry.Watch(this);
    }

    public string Run { get; }
    public int MembersWanted { get; }
    public long StepsWanted { get; }

    public double ImagesPerSecond
    {
        get => Volatile.Read(ref _imagesPerSecond);
        set => Volatile.Write(ref _imagesPerSecond, value);
    }

    public int Members => _read() is { State.Phase: RunPhase.Training, Views: { } views } ? views.Members.Count(views.IsMember) : 0;
    public long View => _read().State.View?.Number ?? 0;
    public long Step => _read().State.Progress.Values.Select(report => report.Step).DefaultIfEmpty(0).Max();
    public long Evictions => Interlocked.Read(ref _evictions);
    public long Joins => Interlocked.Read(ref _joins);
    public long Leaves => Interlocked.Read(ref _leaves);
    public long Divergences => Interlocked.Read(ref _divergences);

    public IEnumerable<Measurement<int>> Phases()
    {
        var (state, views) = _read();
        var now = state.Phase == RunPhase.Training && views?.RestsAt is not null ? Paused : Spell(state.Phase);
        return Enum.GetValues<RunPhase>().Select(Spell).Append(Paused).Select(phase => new Measurement<int>(phase == now ? 1 : 0, new("run", Run), new("phase", phase)));
    }

    public IEnumerable<Measurement<double>> Losses() =>
        _read().State.Progress.Values.MaxBy(report => report.Step) is { } newest
            ? [Loss("discriminator", newest.DiscriminatorLoss), Loss("generator", newest.GeneratorLoss)]
            : [];

    /// <summary>A view begins; the span of the one before ends.</summary>
    public void Began(ViewDecision.Issue issue)
    {
        Interlocked.Add(ref _joins, issue.Joining.Count);
        _view?.Dispose();
        _view = Start("view",
        [
            new("view", issue.View.Number), new("first_step", issue.Position / _phasesPerStep), new("reason", issue.Reason),
            new("members", string.Join(',', issue.View.Members.Select(member => member.Node))),
        ]);
    }

    public void Evicted() => Interlocked.Increment(ref _evictions);

    public void Left() => Interlocked.Increment(ref _leaves);

    public void Diverged() => Interlocked.Increment(ref _divergences);

    public void Ended(RunOutcome outcome) => _outcome = outcome;

    public void Dispose()
    {
        Telemetry.Forget(this);
        Telemetry.Count(_outcome);
        _view?.Dispose();
        _run?.SetTag("outcome", _outcome.ToString().ToLowerInvariant());
        if (_outcome is RunOutcome.Failed or RunOutcome.Abandoned)
            _run?.SetStatus(ActivityStatusCode.Error);
        _run?.Dispose();
    }

    /// <summary>Spans outlive the message in hand, so none becomes the ambient one.</summary>
    private Activity? Start(string name, IEnumerable<KeyValuePair<string, object?>> tags)
    {
        var before = Activity.Current;
        var span = Telemetry.Source.StartActivity(name, ActivityKind.Internal, JobTrace.Of(Run), [new("run", Run), .. tags]);
        Activity.Current = before;
        return span;
    }

    private static string Spell(RunPhase phase) => phase == RunPhase.TakingOver ? "taking over" : phase.ToString().ToLowerInvariant();

    private Measurement<double> Loss(string network, double loss) => new(loss, new("run", Run), new("network", network));
}
