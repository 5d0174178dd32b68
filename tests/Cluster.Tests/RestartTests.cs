using System.Net;
using System.Net.Sockets;

namespace Ganymede.Tests;

/// <summary>A program of a local cluster that dies is started anew on its ports, also if somebody else has got one of them for a while.</summary>
public sealed class RestartTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_Lighthouse_whose_port_is_taken_when_it_is_started_anew_comes_back_once_it_is_free()
    {
        using var run = new LiveRun(_folder["run"], [], "--nodes", "1");
        await run.Until(() => run.Ledger > 0, "a step");
        var died = Lighthouse(run);

        Command.Signal(died.Pid, 9);
        using (var taken = await ListenAsync(died.Http.Port))
            await run.Until(() => File.ReadAllText(_folder["run/logs/lighthouse.log"]).Contains("Address already in use", StringComparison.Ordinal), "an attempt in vain");

        await run.Until(() => Lighthouse(run).Pid != died.Pid, "a new Lighthouse");
        Assert.Equal(died.Http, Lighthouse(run).Http);
        var steps = run.Ledger;
        await run.Until(() => run.Ledger > steps, "another step");
        await run.KillAll();
    }

    private static LiveRun.Entry Lighthouse(LiveRun run) => run.Entries.Single(entry => entry.Role == "lighthouse");

    /// <summary>As soon as the dead process has let go of the port, and long before another has started.</summary>
    private static async Task<Socket> ListenAsync(int port)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await Command.Until(() => TryListen(socket, port), TimeSpan.FromSeconds(5), $"port {port}");
        return socket;
    }

    private static bool TryListen(Socket socket, int port)
    {
        try
        {
            socket.Bind(new IPEndPoint(IPAddress.Loopback, port));
            socket.Listen();
            return true;
        }
        catch (SocketException error) when (error.SocketErrorCode == SocketError.AddressAlreadyInUse)
        {
            return false;
        }
    }
}
