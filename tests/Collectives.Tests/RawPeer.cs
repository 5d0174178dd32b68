using System.Buffers.Binary;
using System.Net.Sockets;
using Ganymede.Collectives;

namespace Ganymede.Tests;

/// <summary>A peer driven frame by frame: does what a well-behaved party would not. It dials, so it has the lower index.</summary>
internal sealed class RawPeer : IDisposable
{
    private readonly Members _cluster;
    private readonly int _self;

    public RawPeer(Members cluster, int self, int target, long view = 1, Func<Hello, Hello>? alter = null)
    {
        (_cluster, _self) = (cluster, self);
        Socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        Socket.Connect("127.0.0.1", cluster.Planes[target].Port);
        var layout = ViewLayout.Fingerprint(cluster.Addresses, cluster.Shards, cluster.Planes[target].Options);
        var hello = new Hello(
            HelloPurpose.Join, cluster.RunId, view, self, cluster.Addresses[self].Name, target, cluster.Addresses[target].Name, layout, "");
        Handshake.Send(Socket, alter?.Invoke(hello) ?? hello);
        Reply = Handshake.ReceiveReply(Socket, TimeSpan.FromSeconds(10));
        Stream = new FrameStream(Socket);
    }

    public Socket Socket { get; }

    public FrameStream Stream { get; }

    public HelloReply Reply { get; }

    public void Begin(long step, byte phase, ElementType type, int count, int operation = 0)
    {
        var payload = new byte[8];
        Stream.Send(new FrameHeader(FrameKind.Begin, 1, step, phase, operation, 0, 0, count, (byte)type, PayloadChecksum.Of(payload), 8), payload);
    }

    /// <summary>A correct piece header of this party's only subtree for a chunk of the target's range.</summary>
    public FrameHeader Piece(long step, byte phase, ElementType type, int owner, int chunk, byte[] sum)
    {
        var layout = new ChunkLayout(sum.Length, _cluster.Planes.Count, _cluster.Planes[owner].Options.ChunkBytes);
        var (offset, length) = layout.Chunk(owner, chunk);
        var node = Subtree.Cover(_cluster.Owned[_self], _cluster.Shards).Single().HeapNumber(_cluster.Shards);
        return new FrameHeader(
            FrameKind.Piece, 1, step, phase, 0, node, offset / type.Size(), length / type.Size(), (byte)type,
            PayloadChecksum.Of(sum.AsSpan(offset, length)), length);
    }

    public void Send(FrameHeader header, ElementType type, byte[] sum) =>
        Stream.Send(header, sum.AsSpan((int)header.Offset * type.Size(), header.Count * type.Size()));

    /// <summary>As a killed process' sockets do.</summary>
    public void Die()
    {
        Socket.LingerState = new LingerOption(true, 0);
        Socket.Dispose();
    }

    public static void WriteLength(Span<byte> head, int length)
    {
        head[0] = 0xc6;
        BinaryPrimitives.WriteInt32BigEndian(head[1..], length);
    }

    public void Dispose() => Socket.Dispose();
}
