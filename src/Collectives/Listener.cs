using System.Net;
using System.Net.Sockets;

namespace Ganymede.Collectives;

/// <summary>Accepts connections. Each has a thread of its own until its handshake is done, and there are only so many: a peer that says
/// nothing costs one of them for MaxStall, and never delays those that train. Who has said for which view it comes, and waits for this process to join that,
/// takes nobody's place.</summary>
internal sealed class Listener : IDisposable
{
    /// <summary>So many may wait for views, for each connection that may be pending: the members of the largest view, with several connections each.</summary>
    private const int WaitingPerPending = 16;

    private readonly DataPlane _plane;
    private readonly Socket _socket;
    private readonly Thread _thread;
    private readonly HashSet<Socket> _pending = [];
    private readonly Dictionary<Hello, Socket> _waiting = [];
    private volatile bool _disposed;

    public Listener(DataPlane plane)
    {
        _plane = plane;
        var options = plane.Options;
        try
        {
            var address = IPAddress.TryParse(options.Host, out var literal) ? literal : Dns.GetHostAddresses(options.Host)[0];
            _socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            _socket.Bind(new IPEndPoint(address, options.Port));
            _socket.Listen(512);
        }
        catch (SocketException error)
        {
            _socket?.Dispose();
            throw new IOException($"cannot listen on {options.Host}:{options.Port}: {error.Message}", error);
        }

        Port = ((IPEndPoint)_socket.LocalEndPoint!).Port;
        _thread = new Thread(Accept) { IsBackground = true, Name = $"data plane {options.Name}" };
        _thread.Start();
    }

    public int Port { get; }

    public void Dispose()
    {
        _disposed = true;
        _socket.Dispose();
        _thread.Join(TimeSpan.FromSeconds(1));
        lock (_pending)
        {
            foreach (var socket in _pending.Concat(_waiting.Values))
            {
                socket.Dispose();
            }
        }
    }

    private void Accept()
    {
        while (!_disposed)
        {
            Socket socket;
            try
            {
                socket = _socket.Accept();
            }
            catch (Exception error) when (error is SocketException or ObjectDisposedException)
            {
                if (!_disposed)
                {
                    // Out of descriptors, or the peer was gone already: others must still get in.
                    _plane.Log($"cannot accept a connection: {error.Message}");
                    Thread.Sleep(10);
                }

                continue;
            }

            lock (_pending)
            {
                if (_pending.Count < _plane.Options.MaxPendingConnections && !_disposed)
                {
                    _pending.Add(socket);
                }
                else
                {
                    _plane.Log($"closed {Address(socket)}: {_pending.Count} connections are pending already");
                    socket.Dispose();
                    continue;
                }
            }

            new Thread(() => Greet(socket), 256 * 1024) { IsBackground = true, Name = "data plane handshake" }.Start();
        }
    }

    private void Greet(Socket socket)
    {
        var address = Address(socket);
        var keep = false;
        Hello? waiting = null;
        try
        {
            socket.NoDelay = true;
            socket.SendTimeout = (int)_plane.Options.MaxStall.TotalMilliseconds;
            var hello = Handshake.ReceiveHello(socket, _plane.Options.MaxStall);
            if (hello.Purpose == HelloPurpose.Fetch)
            {
                _plane.Files.Send(socket, hello.Key);
                return;
            }

            if (hello.Purpose == HelloPurpose.Probe)
            {
                var isMeant = hello.AcceptorName.Length == 0 || hello.AcceptorName == _plane.Name;
                Handshake.Send(socket, new HelloReply(isMeant, isMeant ? "" : $"this is {_plane.Name}", 0));
                return;
            }

            Wait(socket, waiting = hello);
            var group = Answer(socket, hello);
            socket.SendTimeout = 0;
            keep = true;
            group.Attach(hello.Index, hello.Lane, socket);
        }
        catch (Exception error) when (error is LinkException or SocketException or IOException or ObjectDisposedException or UnauthorizedAccessException)
        {
            if (!_disposed)
            {
                _plane.Log($"closed {address}: {error.Message}");
            }
        }
        finally
        {
            lock (_pending)
            {
                _pending.Remove(socket);
                if (waiting is not null && _waiting.GetValueOrDefault(waiting) == socket)
                {
                    _waiting.Remove(waiting);
                }
            }

            if (!keep)
            {
                socket.Dispose();
            }
        }
    }

    /// <summary>Makes room for others while it waits; each party has one place for each of its connections in a view.</summary>
    private void Wait(Socket socket, Hello hello)
    {
        lock (_pending)
        {
            if (!_disposed && _waiting.Count < WaitingPerPending * _plane.Options.MaxPendingConnections && _waiting.TryAdd(hello, socket))
            {
                _pending.Remove(socket);
                return;
            }
        }

        throw new LinkException($"party '{Handshake.Shorten(hello.Name, 128)}' of view {hello.View}: it, or too many others, wait for the view already");
    }

    private Group Answer(Socket socket, Hello hello)
    {
        string refusal;
        try
        {
            var group = _plane.AwaitGroup(hello);
            if (group.Refuse(hello) is not { } reason)
            {
                Handshake.Send(socket, new HelloReply(true, "", 0));
                return group;
            }

            refusal = reason;
        }
        catch (LinkException error)
        {
            refusal = error.Message;
        }

        Handshake.Send(socket, new HelloReply(false, refusal, 0));
        throw new LinkException(Handshake.Shorten($"party '{hello.Name}': {refusal}", 512));
    }

    private static string Address(Socket socket)
    {
        try
        {
            return socket.RemoteEndPoint?.ToString() ?? "a peer";
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            return "a peer that is gone";
        }
    }
}
