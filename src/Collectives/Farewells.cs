using System.Diagnostics;
using System.Net.Sockets;

namespace Ganymede.Collectives;

/// <summary>
/// Connections over which this process has said why it leaves. A socket that is closed before all has been read that came is reset, and what its peer has not got by then is lost:
/// the peer would see a broken connection, and blame this process. So each is read until the peer hangs up as well, for a while.
/// </summary>
internal sealed class Farewells : IDisposable
{
    private const int MostReadsAtATime = 64;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    private readonly object _gate = new();
    private readonly List<(Socket Socket, long Since)> _sockets = [];
    private readonly byte[] _scratch = GC.AllocateUninitializedArray<byte>(16 * 1024, pinned: true);
    private Thread? _thread;
    private bool _disposed;

    /// <summary>Closes it once its peer has heard.</summary>
    public void Take(Socket socket)
    {
        lock (_gate)
        {
            if (!_disposed)
            {
                _sockets.Add((socket, Stopwatch.GetTimestamp()));
                if (_thread is null)
                {
                    _thread = new Thread(Drain, 256 * 1024) { IsBackground = true, Name = "farewells" };
                    _thread.Start();
                }

                return;
            }
        }

        socket.Dispose();
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _disposed = true;
            _sockets.ForEach(left => left.Socket.Dispose());
            _sockets.Clear();
        }
    }

    private void Drain()
    {
        while (true)
        {
            Syscalls.PollEntry[] entries;
            lock (_gate)
            {
                _sockets.RemoveAll(left =>
                {
                    var isOver = Stopwatch.GetElapsedTime(left.Since) > Patience || HasHungUp(left.Socket);
                    if (isOver)
                    {
                        left.Socket.Dispose();
                    }

                    return isOver;
                });
                if (_sockets.Count == 0)
                {
                    _thread = null;
                    return;
                }

                entries = [.. _sockets.Select(left => new Syscalls.PollEntry((int)left.Socket.SafeHandle.DangerousGetHandle(), Syscalls.Readable))];
            }

            Syscalls.Poll(entries, 20);
        }
    }

    private bool HasHungUp(Socket socket)
    {
        try
        {
            for (var reads = 0; reads < MostReadsAtATime; reads++)
            {
                var count = Syscalls.Receive(socket.SafeHandle, _scratch, default);
                if (count <= 0)
                {
                    return count < 0;
                }
            }

            return false;
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            return true;
        }
    }
}
