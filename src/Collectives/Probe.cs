using System.Net.Sockets;

namespace Ganymede.Collectives;

/// <summary>What a probe of a process's data plane found.</summary>
public enum ProbeAnswer
{
    /// <summary>It answered.</summary>
    Alive,

    /// <summary>Its host says that nobody listens there: the process is gone.</summary>
    Gone,

    /// <summary>No answer in time: it is stopped, or its host cannot be reached.</summary>
    Silent,
}

/// <summary>Asks a data plane whether its process lives. Unlike silence of its threads, which may be computing, this is known at once.</summary>
public static class Probe
{
    /// <summary>Blocks for <paramref name="deadline"/> at most.</summary>
    public static ProbeAnswer Ask(string host, int port, TimeSpan deadline)
    {
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        // A blocking connect has no timeout of its own.
        using var watchdog = new Timer(static state => ((Socket)state!).Dispose(), socket, deadline, Timeout.InfiniteTimeSpan);
        try
        {
            socket.Connect(host, port);
            Handshake.Send(socket, new Hello(HelloPurpose.Probe, "", 0, 0, "", 0, "", 0, ""));
            return Handshake.ReceiveReply(socket, deadline).Accepted ? ProbeAnswer.Alive : ProbeAnswer.Silent;
        }
        catch (SocketException error) when (error.SocketErrorCode == SocketError.ConnectionRefused)
        {
            return ProbeAnswer.Gone;
        }
        catch (Exception error) when (error is SocketException or LinkException or ObjectDisposedException)
        {
            return ProbeAnswer.Silent;
        }
    }
}
