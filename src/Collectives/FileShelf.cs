using System.Buffers;
using System.Collections.Concurrent;
using System.Net.Sockets;

namespace Ganymede.Collectives;

/// <summary>The files, and pieces of memory, this process serves, by key. A key is only ever looked up, never made into a path.</summary>
internal sealed class FileShelf
{
    public const int PartBytes = 256 * 1024;
    private readonly ConcurrentDictionary<string, string> _paths = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, ReadOnlyMemory<byte>> _memory = new(StringComparer.Ordinal);

    public static bool IsKey(string key) => key.Length is >= 1 and <= 128 && key.All(c => c is >= 'a' and <= 'z' or >= '0' and <= '9' or '-');

    public static void RequireKey(string key)
    {
        if (!IsKey(key))
        {
            throw new ArgumentException($"'{key}' is not a key: 1..128 of a-z, 0-9 and '-'", nameof(key));
        }
    }

    public void Put(string key, string path) => _paths[key] = path;

    public void Put(string key, ReadOnlyMemory<byte> content) => _memory[key] = content;

    public void Remove(string key)
    {
        _paths.TryRemove(key, out _);
        _memory.TryRemove(key, out _);
    }

    /// <summary>Answers a fetch: the length, then the content in frames.</summary>
    public void Send(Socket socket, string key)
    {
        if (IsKey(key) && _memory.TryGetValue(key, out var content))
        {
            Handshake.Send(socket, new HelloReply(true, "", content.Length));
            var frames = new FrameStream(socket);
            for (var offset = 0; offset < content.Length; offset += PartBytes)
            {
                SendPart(frames, content.Span.Slice(offset, Math.Min(PartBytes, content.Length - offset)), offset);
            }

            return;
        }

        if (!IsKey(key) || !_paths.TryGetValue(key, out var path))
        {
            Handshake.Send(socket, new HelloReply(false, "there is nothing under this key", 0));
            throw new LinkException($"asked for '{Handshake.Shorten(key, 128)}', which is not served");
        }

        using var file = Open(socket, path);
        var size = RandomAccess.GetLength(file);
        Handshake.Send(socket, new HelloReply(true, "", size));
        var stream = new FrameStream(socket);
        var buffer = ArrayPool<byte>.Shared.Rent(PartBytes);
        try
        {
            for (var offset = 0L; offset < size;)
            {
                var count = RandomAccess.Read(file, buffer.AsSpan(0, (int)Math.Min(PartBytes, size - offset)), offset);
                if (count == 0)
                {
                    throw new IOException($"'{path}' has become shorter while it was served");
                }

                SendPart(stream, buffer.AsSpan(0, count), offset);
                offset += count;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static void SendPart(FrameStream stream, ReadOnlySpan<byte> part, long offset) =>
        stream.Send(new FrameHeader(FrameKind.File, 0, 0, 0, 0, 0, offset, part.Length, 0, PayloadChecksum.Of(part), part.Length), part);

    private static Microsoft.Win32.SafeHandles.SafeFileHandle Open(Socket socket, string path)
    {
        try
        {
            return File.OpenHandle(path, options: FileOptions.SequentialScan);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // The fetcher need not know our paths.
            Handshake.Send(socket, new HelloReply(false, "it cannot be read there", 0));
            throw;
        }
    }
}
