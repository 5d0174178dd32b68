using System.Buffers;
using System.Buffers.Binary;
using System.Diagnostics;
using System.Net.Sockets;
using System.Text;
using MessagePack;

namespace Ganymede.Collectives;

internal enum HelloPurpose
{
    Join = 1,
    Fetch = 2,

    /// <summary>Are you alive? Any live process answers, whatever its threads compute.</summary>
    Probe = 3,
}

/// <summary>First message of whoever connects. For a fetch only <see cref="Key"/> says something; for a join all but it. <see cref="Lane"/> numbers
/// the connections of one peer.</summary>
internal sealed record Hello(
    HelloPurpose Purpose, string Run, long View, int Index, string Name, int AcceptorIndex, string AcceptorName, ulong Layout, string Key,
    int Lane = 0);

/// <summary>The answer: accepted, or why not. <see cref="Size"/> is the file's length in bytes for a fetch.</summary>
internal sealed record HelloReply(bool Accepted, string Reason, long Size);

/// <summary>
/// Handshake messages: a MessagePack bin (always with 4 bytes of length, at most <see cref="LimitBytes"/>) that holds one MessagePack
/// array. Nothing is allocated before the length has been checked.
/// </summary>
internal static class Handshake
{
    public const string Magic = "ganymede-data";
    public const int ProtocolVersion = 5;
    public const int LimitBytes = 1024;
    public const int NameLimitBytes = 128;
    private const int HeadBytes = 5;
    private const byte Bin32 = 0xc6;

    public static void Send(Socket socket, Hello hello) => SendMessage(socket, Write(hello));

    /// <summary>Without the envelope.</summary>
    public static ReadOnlySpan<byte> Write(Hello hello)
    {
        var buffer = new ArrayBufferWriter<byte>(LimitBytes);
        var writer = new MessagePackWriter(buffer);
        writer.WriteArrayHeader(12);
        writer.Write(Magic);
        writer.Write(ProtocolVersion);
        writer.Write((int)hello.Purpose);
        writer.Write(hello.Run);
        writer.Write(hello.View);
        writer.Write(hello.Index);
        writer.Write(hello.Name);
        writer.Write(hello.AcceptorIndex);
        writer.Write(hello.AcceptorName);
        writer.Write(hello.Layout);
        writer.Write(hello.Key);
        writer.Write(hello.Lane);
        writer.Flush();
        return buffer.WrittenSpan;
    }

    public static void Send(Socket socket, HelloReply reply)
    {
        var buffer = new ArrayBufferWriter<byte>(LimitBytes);
        var writer = new MessagePackWriter(buffer);
        writer.WriteArrayHeader(4);
        writer.Write(ProtocolVersion);
        writer.Write(reply.Accepted);
        writer.Write(Shorten(reply.Reason, 512));
        writer.Write(reply.Size);
        writer.Flush();
        SendMessage(socket, buffer.WrittenSpan);
    }

    /// <exception cref="LinkException">Silence, garbage, another version, a text over its limit.</exception>
    public static Hello ReceiveHello(Socket socket, TimeSpan deadline) => ParseHello(ReceiveMessage(socket, deadline));

    /// <exception cref="LinkException">Garbage, another version, a text over its limit.</exception>
    public static Hello ParseHello(ReadOnlyMemory<byte> body) => Parse(body, ReadHello);

    public static HelloReply ReceiveReply(Socket socket, TimeSpan deadline) => Parse(ReceiveMessage(socket, deadline), ReadReply);

    /// <summary>At most so many characters, and none that could break a log line.</summary>
    public static string Shorten(string text, int limit)
    {
        var kept = text.Length <= limit ? text : text[..limit];
        return kept.Any(char.IsControl) ? new string([.. kept.Select(c => char.IsControl(c) ? ' ' : c)]) : kept;
    }

    internal static string ReadText(ref MessagePackReader reader, int limitBytes)
    {
        var bytes = reader.ReadStringSequence() ?? throw new LinkException("sent a text that is null");
        return bytes.Length <= limitBytes
            ? Encoding.UTF8.GetString(bytes)
            : throw new LinkException($"sent a text of {bytes.Length} bytes where {limitBytes} are the limit");
    }

    private delegate T ReadMessage<out T>(ref MessagePackReader reader);

    private static T Parse<T>(ReadOnlyMemory<byte> bytes, ReadMessage<T> read)
    {
        try
        {
            var reader = new MessagePackReader(bytes);
            var message = read(ref reader);
            return reader.End ? message : throw new LinkException("sent a handshake with bytes left over");
        }
        catch (Exception error) when (error is not LinkException) // a stranger's bytes must not end the process, whatever they make a reader throw
        {
            throw new LinkException("sent a handshake that cannot be read", error);
        }
    }

    private static Hello ReadHello(ref MessagePackReader reader)
    {
        if (reader.ReadArrayHeader() < 2 || ReadText(ref reader, Magic.Length) != Magic)
        {
            throw new LinkException("does not speak this protocol");
        }

        var version = reader.ReadInt32();
        if (version != ProtocolVersion)
        {
            throw new LinkException($"speaks protocol version {version}, not {ProtocolVersion}");
        }

        var purpose = (HelloPurpose)reader.ReadInt32();
        var hello = new Hello(
            purpose, ReadText(ref reader, NameLimitBytes), reader.ReadInt64(), reader.ReadInt32(), ReadText(ref reader, NameLimitBytes),
            reader.ReadInt32(), ReadText(ref reader, NameLimitBytes), reader.ReadUInt64(), ReadText(ref reader, NameLimitBytes),
            reader.ReadInt32());
        return Enum.IsDefined(purpose) ? hello : throw new LinkException($"wants something unknown ({(int)purpose})");
    }

    private static HelloReply ReadReply(ref MessagePackReader reader)
    {
        if (reader.ReadArrayHeader() != 4 || reader.ReadInt32() != ProtocolVersion)
        {
            throw new LinkException("answered in another protocol");
        }

        return new HelloReply(reader.ReadBoolean(), Shorten(ReadText(ref reader, LimitBytes), 512), reader.ReadInt64());
    }

    private static void SendMessage(Socket socket, ReadOnlySpan<byte> body)
    {
        var message = new byte[HeadBytes + body.Length];
        message[0] = Bin32;
        BinaryPrimitives.WriteInt32BigEndian(message.AsSpan(1), body.Length);
        body.CopyTo(message.AsSpan(HeadBytes));
        socket.Send(message);
    }

    private static ReadOnlyMemory<byte> ReceiveMessage(Socket socket, TimeSpan deadline)
    {
        var start = Stopwatch.GetTimestamp();
        var head = new byte[HeadBytes];
        Receive(socket, head, start, deadline);
        var length = BinaryPrimitives.ReadInt32BigEndian(head.AsSpan(1));
        if (head[0] != Bin32)
        {
            throw new LinkException("does not speak this protocol");
        }

        if (length is < 1 or > LimitBytes)
        {
            throw new LinkException($"announces a handshake of {(uint)length} bytes where {LimitBytes} are the limit");
        }

        var body = new byte[length];
        Receive(socket, body, start, deadline);
        return body;
    }

    /// <summary>The deadline is for all bytes together: one byte now and then does not prolong it.</summary>
    private static void Receive(Socket socket, Span<byte> target, long start, TimeSpan deadline)
    {
        for (var received = 0; received < target.Length;)
        {
            var left = deadline - Stopwatch.GetElapsedTime(start);
            if (left <= TimeSpan.Zero)
            {
                throw new LinkException($"did not finish its handshake within {deadline.TotalSeconds:0.###} s");
            }

            socket.ReceiveTimeout = Math.Max(1, (int)left.TotalMilliseconds);
            var count = socket.Receive(target[received..], SocketFlags.None, out var error);
            if (error is SocketError.TimedOut or SocketError.WouldBlock or SocketError.Interrupted)
            {
                continue;
            }

            if (error != SocketError.Success || count == 0)
            {
                throw new LinkException($"closed the connection during the handshake{(error == SocketError.Success ? "" : $" ({error})")}");
            }

            received += count;
        }

        socket.ReceiveTimeout = 0;
    }
}
