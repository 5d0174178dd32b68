using Microsoft.Win32.SafeHandles;

namespace Ganymede.Collectives;

/// <summary>Ends another thread's wait for sockets.</summary>
internal sealed class Waker : IDisposable
{
    private readonly SafeFileHandle _event = Syscalls.NewEvent();

    public Syscalls.PollEntry Entry => new((int)_event.DangerousGetHandle(), Syscalls.Readable);

    /// <summary>The wait in progress, or the next one, ends at once.</summary>
    public void Wake()
    {
        try
        {
            Syscalls.Write(_event, 1);
        }
        catch (ObjectDisposedException)
        {
            // Nobody waits any more.
        }
    }

    public void Clear() => Syscalls.Read(_event);

    public void Dispose() => _event.Dispose();
}
