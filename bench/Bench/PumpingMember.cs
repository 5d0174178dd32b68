using System.Net;
using System.Net.Sockets;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;

namespace Ganymede.Bench;

/// <summary>
/// The ceiling: what an optimal all-reduce moves, without what makes it one. Each member sends each other 2/N of the buffer and receives as
/// much from each, over a raw socket with a thread for either direction; half of what comes is added to a buffer, half is received
/// where it belongs. No frames, no checksums, no waiting for anything but bytes.
/// </summary>
internal sealed class PumpingMember(int self, int members) : ITeamMember
{
    // The fastest of 64 KiB to 1 MiB where this was written: the buffer stays in the second-level cache.
    private const int ChunkBytes = 256 * 1024;

    private readonly Socket _listener = Listen();
    private readonly Link?[] _links = new Link?[members];
    private byte[] _buffer = [];
    private byte[] _result = [];

    public int Port => ((IPEndPoint)_listener.LocalEndPoint!).Port;

    public void Connect(IReadOnlyList<int> ports)
    {
        for (var peer = self + 1; peer < members; peer++)
        {
            var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            socket.Connect(IPAddress.Loopback, ports[peer]);
            socket.Send([(byte)self]);
            _links[peer] = new Link(this, socket);
        }

        Span<byte> greeting = stackalloc byte[1];
        for (var i = 0; i < self; i++)
        {
            var socket = _listener.Accept();
            socket.NoDelay = true;
            socket.Receive(greeting);
            _links[greeting[0]] = new Link(this, socket);
        }
    }

    public void Prepare(int bytes)
    {
        if (_buffer.Length != bytes)
        {
            _buffer = GC.AllocateArray<byte>(bytes, pinned: true);
            _result = GC.AllocateArray<byte>(bytes, pinned: true);
            Barrier();
            Round();
        }
    }

    public void Barrier() => Exchange(0);

    public void Round() => Exchange(_buffer.Length / 4 / members * 4);

    public void Dispose()
    {
        foreach (var link in _links)
        {
            link?.Dispose();
        }

        _listener.Dispose();
    }

    /// <summary>With 0 bytes it is a barrier: one byte to and from everybody.</summary>
    private void Exchange(int rangeBytes)
    {
        foreach (var link in _links)
        {
            link?.Start(rangeBytes);
        }

        foreach (var link in _links)
        {
            link?.Wait();
        }
    }

    private static Socket Listen()
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        socket.Listen();
        return socket;
    }

    private sealed class Link : IDisposable
    {
        private readonly PumpingMember _member;
        private readonly Socket _socket;
        private readonly SemaphoreSlim _send = new(0);
        private readonly SemaphoreSlim _receive = new(0);
        private readonly SemaphoreSlim _done = new(0);
        private readonly byte[] _incoming = GC.AllocateArray<byte>(ChunkBytes, pinned: true);
        private volatile int _rangeBytes;

        public Link(PumpingMember member, Socket socket)
        {
            (_member, _socket) = (member, socket);
            new Thread(Send) { IsBackground = true }.Start();
            new Thread(Receive) { IsBackground = true }.Start();
        }

        public void Start(int rangeBytes)
        {
            _rangeBytes = rangeBytes;
            _send.Release();
            _receive.Release();
        }

        public void Wait()
        {
            _done.Wait();
            _done.Wait();
        }

        public void Dispose() => _socket.Dispose();

        private void Send()
        {
            while (true)
            {
                _send.Wait();
                var bytes = _rangeBytes;
                if (bytes == 0)
                {
                    _socket.Send([1]);
                }

                for (var half = 0; half < 2; half++)
                {
                    for (var at = 0; at < bytes; at += ChunkBytes)
                    {
                        _socket.Send(_member._buffer.AsSpan(at, Math.Min(ChunkBytes, bytes - at)));
                    }
                }

                _done.Release();
            }
        }

        private void Receive()
        {
            while (true)
            {
                _receive.Wait();
                var bytes = _rangeBytes;
                if (bytes == 0)
                {
                    _socket.Receive(_incoming.AsSpan(0, 1));
                }

                for (var at = 0; at < bytes; at += ChunkBytes)
                {
                    var target = _incoming.AsSpan(0, Math.Min(ChunkBytes, bytes - at));
                    ReceiveAll(target);
                    TensorPrimitives.Add(
                        MemoryMarshal.Cast<byte, float>(target), MemoryMarshal.Cast<byte, float>(_member._buffer.AsSpan(at, target.Length)),
                        MemoryMarshal.Cast<byte, float>(_member._result.AsSpan(at, target.Length)));
                }

                for (var at = 0; at < bytes; at += ChunkBytes)
                {
                    ReceiveAll(_member._result.AsSpan(bytes + at, Math.Min(ChunkBytes, bytes - at)));
                }

                _done.Release();
            }
        }

        private void ReceiveAll(Span<byte> target)
        {
            while (target.Length > 0)
            {
                var count = _socket.Receive(target);
                target = count > 0 ? target[count..] : throw new IOException("a member of the pump is gone");
            }
        }
    }
}
