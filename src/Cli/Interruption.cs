using System.Runtime.InteropServices;

namespace Ganymede.Cli;

/// <summary>
/// Ctrl-C (SIGINT) and SIGTERM while a job runs. The first asks for a stop after the step in hand, with a checkpoint; the
/// second ends everything at once. While this lives, neither ends the process by itself.
/// </summary>
public sealed class Interruption : IDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly CancellationTokenSource _now = new();
    private readonly TaskCompletionSource _asked = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly PosixSignalRegistration[] _registrations;
    private readonly Action<string> _say;
    private int _count;

    /// <param name="say">Told what a signal does; called on a thread of its own.</param>
    public Interruption(Action<string> say)
    {
        _say = say;
        _registrations = [.. new[] { PosixSignal.SIGINT, PosixSignal.SIGTERM }.Select(signal => PosixSignalRegistration.Create(signal, Handle))];
    }

    /// <summary>Set by the first signal.</summary>
    public CancellationToken Stop => _stop.Token;

    /// <summary>Completes with the first signal.</summary>
    public Task StopAsked => _asked.Task;

    /// <summary>Set by the second one.</summary>
    public CancellationToken Now => _now.Token;

    public void Dispose()
    {
        foreach (var registration in _registrations)
            registration.Dispose();
        _stop.Dispose();
        _now.Dispose();
    }

    private void Handle(PosixSignalContext context)
    {
        context.Cancel = true;
        switch (Interlocked.Increment(ref _count))
        {
            case 1:
                _say("Stopping after the step in hand; once more stops at once.");
                _asked.TrySetResult();
                _stop.Cancel();
                break;
            case 2:
                _stop.Cancel();
                _now.Cancel();
                break;
        }
    }
}
