using System.Net;
using System.Net.Sockets;

namespace Ganymede.Collectives;

/// <summary>How a socket is set up when its peer is on the same host. Between hosts the system knows better.</summary>
internal static class SocketTuning
{
    // There is no path to probe: a fixed buffer that stays in the cache is fastest (docs/performance.md).
    private const int SendBufferBytes = 512 * 1024;
    private const int Tcp = 6;
    private const int TcpCongestion = 13;

    public static void Apply(Socket socket)
    {
        if (socket is not { LocalEndPoint: IPEndPoint local, RemoteEndPoint: IPEndPoint remote } || !local.Address.Equals(remote.Address))
        {
            return;
        }

        socket.SendBufferSize = SendBufferBytes;
        try
        {
            // Some hosts pace all connections by an estimate of the path (BBR), which within a host costs half the speed.
            socket.SetRawSocketOption(Tcp, TcpCongestion, "reno"u8);
        }
        catch (SocketException)
        {
            // Not allowed here: slower, not wrong.
        }
    }
}
