using Ganymede.Messages.Api;

namespace Ganymede.Cli;

/// <summary>Progress as plain lines, for files and pipes: changes of state at once, figures every few seconds and at the end.</summary>
internal sealed class PlainView(Terminal terminal, TimeProvider time) : JobView(terminal)
{
    /// <summary>Least time between two lines of figures.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);

    private long? _shown;
    private string? _held;

    public override Task<T> RunAsync<T>(Func<Action<RunEvent>, Task<T>> job) => job(Show);

    public void Show(RunEvent happened)
    {
        switch (happened)
        {
            case { Kind: RunEventKind.Progress, Progress: { ImagesPerSecond: 0 } first } when first.Step < first.Steps:
                break; // nothing is known of rate and losses yet
            case { Kind: RunEventKind.Progress, Progress: { } progress }:
                Throttle(Figures.Line(progress));
                break;
            case { Kind: RunEventKind.Progress, Generation: { } progress }:
                Throttle(Figures.Line(progress));
                break;
            case { Kind: RunEventKind.Data, Data: { } data }:
                ShowData(data);
                break;
            case { Kind: RunEventKind.Failed }:
                break; // becomes the command's error message
            default:
                if (happened.Kind == RunEventKind.Finished && _held is not null)
                    Terminal.Line(_held);
                Terminal.Line(happened.Text);
                break;
        }
    }

    private void Throttle(string line)
    {
        if (_shown is { } shown && time.GetElapsedTime(shown) < Interval)
        {
            _held = line;
            return;
        }

        _shown = time.GetTimestamp();
        _held = null;
        Terminal.Line(line);
    }
}
