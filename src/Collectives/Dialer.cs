using System.Diagnostics;
using System.Net.Sockets;

namespace Ganymede.Collectives;

internal static class Dialer
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);

    /// <summary>A blocking connection. A peer that refuses may just be starting: tried again until the deadline.</summary>
    /// <param name="host">Address or host name.</param>
    /// <param name="port">Port.</param>
    /// <param name="deadline">For all tries together.</param>
    /// <param name="refusals">For how long a refusal is taken for a process that is just starting.</param>
    /// <param name="ended">Asked between tries whether to give up.</param>
    /// <param name="opened">Told of each socket before it connects, so that another thread can dispose it and so end the wait.</param>
    /// <exception cref="LinkException">Not connected by the deadline; names the address.</exception>
    public static Socket Connect(string host, int port, TimeSpan deadline, TimeSpan refusals, Func<bool> ended, Action<Socket> opened)
    {
        var start = Stopwatch.GetTimestamp();
        while (true)
        {
            var left = deadline - Stopwatch.GetElapsedTime(start);
            var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            opened(socket);
            // A blocking connect has no timeout of its own, and ConnectAsync would leave the socket non-blocking.
            using var watchdog = new Timer(state => ((Socket)state!).Dispose(), socket, left > TimeSpan.Zero ? left : TimeSpan.Zero, Timeout.InfiniteTimeSpan);
            try
            {
                socket.Connect(host, port);
                if (watchdog.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan) && socket.Connected)
                {
                    return socket;
                }

                throw new SocketException((int)SocketError.TimedOut);
            }
            catch (Exception error) when (error is SocketException or ObjectDisposedException)
            {
                socket.Dispose();
                var patience = error is SocketException { SocketErrorCode: SocketError.ConnectionRefused } && refusals < deadline ? refusals : deadline;
                if (ended() || Stopwatch.GetElapsedTime(start) + Pause >= patience || error is SocketException { SocketErrorCode: SocketError.HostNotFound })
                {
                    throw new LinkException($"cannot be reached at {host}:{port} within {patience.TotalSeconds:0.###} s ({error.Message})", error);
                }

                Thread.Sleep(Pause);
            }
        }
    }
}
