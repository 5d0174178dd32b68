using System.Buffers.Binary;
using MessagePack;

namespace Ganymede.Commands;

/// <summary>
/// Frames on a stream: four bytes of length, big-endian, then that many of MessagePack. Nothing that arrives is believed: a length above
/// the limit ends the connection before anything is allocated, and so does whatever is no frame.
/// </summary>
public static class PbmWire
{
    /// <summary>What a hello begins with.</summary>
    public const string Magic = "ganymede-pbm";

    /// <summary>A peer of another version is told so, and let go.</summary>
    public const int Version = 1;

    /// <summary>Bytes of a frame from a shell, and from an endpoint, whose list of commands is long.</summary>
    public const int LargestRequest = 64 << 10, LargestAnswer = 1 << 20;

    /// <summary>Longer lines are cut.</summary>
    public const int LongestLine = 64 << 10;

    private static readonly MessagePackSerializerOptions _options = MessagePackSerializerOptions.Standard.WithSecurity(MessagePackSecurity.UntrustedData);

    public static byte[] Write(IPbmFrame frame)
    {
        var body = MessagePackSerializer.Serialize(frame, _options);
        var bytes = new byte[4 + body.Length];
        BinaryPrimitives.WriteInt32BigEndian(bytes, body.Length);
        body.CopyTo(bytes, 4);
        return bytes;
    }

    /// <summary>The next frame; null at the end of the stream between two of them.</summary>
    /// <exception cref="PbmWireException">Something else has come, or the stream ended within a frame.</exception>
    public static async Task<IPbmFrame?> ReadAsync(Stream stream, int largest, CancellationToken cancel)
    {
        var head = new byte[4];
        var got = await stream.ReadAtLeastAsync(head, 4, throwOnEndOfStream: false, cancel);
        if (got == 0)
            return null;
        if (got < 4)
            throw new PbmWireException("the connection ended within a frame");
        var length = BinaryPrimitives.ReadInt32BigEndian(head);
        if (length < 1 || length > largest)
            throw new PbmWireException($"a frame of {length} bytes; 1 to {largest} are possible");
        var body = new byte[length];
        if (await stream.ReadAtLeastAsync(body, length, throwOnEndOfStream: false, cancel) < length)
            throw new PbmWireException("the connection ended within a frame");
        try
        {
            return MessagePackSerializer.Deserialize<IPbmFrame>(body, _options, cancel) ?? throw new PbmWireException("an empty frame");
        }
        catch (Exception error) when (error is MessagePackSerializationException or EndOfStreamException or OverflowException or InvalidOperationException)
        {
            throw new PbmWireException("a frame that cannot be read");
        }
    }

    /// <summary>The commands as a shell gets them.</summary>
    public static PaletteInfo[] Describe(PbmTable table) =>
    [
        .. table.Palettes.Select(palette => new PaletteInfo(palette.Name, palette.Help, [.. palette.Aliases ?? []],
        [
            .. palette.Commands.Select(command => new CommandInfo(command.Name, command.Help, command.Usage, command.Streams,
                [.. command.Arguments.Select(argument => new ArgumentInfo(argument.Name, [.. argument.Switches], argument.Help, argument.IsMandatory, argument.IsFlag))])),
        ])),
    ];
}

/// <summary>What arrived is not the protocol.</summary>
public sealed class PbmWireException(string message) : IOException(message);
