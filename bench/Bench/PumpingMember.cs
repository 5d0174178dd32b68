using System.Net;
using System.Net.Sockets;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using Ganymede.Collectives;

namespace Ganymede.Bench;

/// <summary>
/// The ceiling: what an optimal all-reduce moves, without what makes it one. Each member sends each other 2/N of the buffer and receives as
/// much from each, over raw sockets set up as ours; half of what comes is added to a buffer, half is received where it belongs. No frames,
/// no checksums, no dependence of one byte on another. One thread a member, which never waits while anything can be done: where this was
/// written that was faster by half than a thread for each direction.
/// </summary>
internal sealed class PumpingMember(int self, int members) : ITeamMember
{
    // The fastest of 64 to 512 KiB where this was written: the buffer stays in the second-level cache.
    private const int ChunkBytes = 256 * 1024;

    private readonly Socket _listener = Listen();
    private readonly List<Link> _links = [];
    private readonly Syscalls.PollEntry[] _awaited = new Syscalls.PollEntry[members];
    private byte[] _buffer = [];
    private byte[] _result = [];

    public int Port => ((IPEndPoint)_listener.LocalEndPoint!).Port;

    public void Connect(IReadOnlyList<int> ports)
    {
        for (var peer = self + 1; peer < members; peer++)
        {
            var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            socket.Connect(IPAddress.Loopback, ports[peer]);
            _links.Add(new Link(this, socket));
        }

        for (var i = 0; i < self; i++)
        {
            var socket = _listener.Accept();
            socket.NoDelay = true;
            _links.Add(new Link(this, socket));
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

    public void Barrier() => Exchange(4);

    public void Round() => Exchange(_buffer.Length / 4 / members * 4);

    public void Dispose()
    {
        _links.ForEach(link => link.Socket.Dispose());
        _listener.Dispose();
    }

    private void Exchange(int rangeBytes)
    {
        _links.ForEach(link => link.Start(rangeBytes));
        while (true)
        {
            var progress = false;
            var awaited = 0;
            foreach (var link in _links)
            {
                progress |= link.Receive() | link.Send();
                if (link.Wanted is var wanted and not 0)
                {
                    _awaited[awaited++] = new((int)link.Socket.SafeHandle.DangerousGetHandle(), wanted);
                }
            }

            if (awaited == 0)
            {
                return;
            }

            if (!progress)
            {
                Syscalls.Poll(_awaited.AsSpan(0, awaited), -1);
            }
        }
    }

    private static Socket Listen()
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        socket.Listen();
        return socket;
    }

    /// <summary>First the half that is added goes each way, then the other; each has as many bytes as the range.</summary>
    private sealed class Link
    {
        private readonly PumpingMember _member;
        private readonly byte[] _incoming = GC.AllocateArray<byte>(ChunkBytes, pinned: true);
        private int _range;
        private int _sent;
        private int _received;

        public Link(PumpingMember member, Socket socket)
        {
            (_member, Socket) = (member, socket);
            SocketTuning.Apply(socket);
        }

        public Socket Socket { get; }

        public short Wanted => (short)((_received < 2 * _range ? Syscalls.Readable : 0) | (_sent < 2 * _range ? Syscalls.Writable : 0));

        public void Start(int range) => (_range, _sent, _received) = (range, 0, 0);

        public bool Send()
        {
            if (_sent == 2 * _range)
            {
                return false;
            }

            var at = _sent % _range;
            var count = Syscalls.Send(Socket.SafeHandle, _member._buffer.AsSpan(at, Math.Min(ChunkBytes, _range - at)), default);
            _sent += count;
            return count > 0;
        }

        public bool Receive()
        {
            if (_received == 2 * _range)
            {
                return false;
            }

            var adds = _received < _range;
            var at = _received % _range;
            var chunk = at / ChunkBytes * ChunkBytes;
            var length = Math.Min(ChunkBytes, _range - chunk);
            var target = adds ? _incoming.AsSpan((at - chunk)..length) : _member._result.AsSpan(at..(chunk + length));
            var count = Syscalls.Receive(Socket.SafeHandle, target, default);
            if (count < 0)
            {
                throw new IOException("a member of the pump is gone");
            }

            _received += count;
            if (adds && count == target.Length)
            {
                TensorPrimitives.Add(
                    MemoryMarshal.Cast<byte, float>(_incoming.AsSpan(0, length)), MemoryMarshal.Cast<byte, float>(_member._buffer.AsSpan(chunk, length)),
                    MemoryMarshal.Cast<byte, float>(_member._result.AsSpan(chunk, length)));
            }

            return count > 0;
        }
    }
}
