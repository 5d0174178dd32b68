using System.Net.Sockets;

namespace Ganymede.Collectives;

/// <summary>What a probe of a process's data plane found.</summary>
public enum ProbeAnswer
{
    /// <summary>It answered.</summary>
    Alive,

    /// <summary>Its host says that nobody listens there, or another process does: the one that was asked for is gone.</summary>
    Gone,

    /// <summary>No answer in time: it is stopped, or its host cannot be reached.</summary>
    Silent,
}

/// <summary>Asks a data plane whether its process lives. Unlike silence of its threads, which may be computing, this is known at once.</summary>
public static class Probe
{
    /// <summary>Blocks for <paramref name="deadline"/> at most.</summary>
    /// <param name="name">The process's name on the data plane (<see cref="DataPlaneOptions.Name"/>); empty for whichever is there. Where a container is started
    /// again at the same address, another one answers than the one that is meant.</param>
    public static ProbeAnswer Ask(string host, int port, TimeSpan deadline, string name)
    {
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        // A blocking connect has no timeout of its own.
        using var watchdog = new Timer(static state => ((Socket)state!).Dispose(), socket, deadline, Timeout.InfiniteTimeSpan);
        try
        {
            socket.Connect(host, port);
            Handshake.Send(socket, new Hello(HelloPurpose.Probe, "", 0, 0, "", 0, name, 0, ""));
            return Handshake.ReceiveReply(socket, deadline).Accepted ? ProbeAnswer.Alive : ProbeAnswer.Gone;
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
