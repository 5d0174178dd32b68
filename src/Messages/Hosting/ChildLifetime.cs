using System.Runtime.InteropServices;
using Microsoft.Extensions.Hosting;

namespace Ganymede.Messages;

/// <summary>
/// Signals of a process that another one started. Ctrl-C in a terminal reaches all processes of the command at once; the one
/// that started this decides what it means (a checkpoint first) and tells it by SIGTERM or by its own end, so here SIGINT does nothing.
/// </summary>
public sealed class ChildLifetime(IHostApplicationLifetime application) : IHostLifetime, IDisposable
{
    private PosixSignalRegistration[] _registrations = [];

    public Task WaitForStartAsync(CancellationToken cancellationToken)
    {
        _registrations =
        [
            PosixSignalRegistration.Create(PosixSignal.SIGINT, signal => signal.Cancel = true),
            PosixSignalRegistration.Create(PosixSignal.SIGTERM, signal =>
            {
                signal.Cancel = true;
                application.StopApplication();
            }),
        ];
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public void Dispose()
    {
        foreach (var registration in _registrations)
            registration.Dispose();
    }
}
