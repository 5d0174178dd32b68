using System.Net.Sockets;
using System.Security.Cryptography;

namespace Ganymede.Collectives;

/// <summary>A file that could not be fetched; the message names host, port, key and cause.</summary>
public sealed class FetchException(string message, Exception? inner = null) : IOException(message, inner);

/// <summary>The fetching side of <see cref="FileShelf"/>.</summary>
internal sealed class FileFetch(string host, int port, string key, long maximumBytes, TimeSpan maxStall, IProgress<long>? progress)
{
    private volatile Socket? _socket;

    /// <summary>Fetches into a file that appears whole, with this SHA-256, or not at all. What fails here is not laid to the peer's charge.</summary>
    public void Run(string destination, string sha256, CancellationToken cancel)
    {
        var temporary = "";
        try
        {
            Connected(socket =>
            {
                var folder = Path.GetDirectoryName(Path.GetFullPath(destination))!;
                Here(() => Directory.CreateDirectory(folder));
                var size = Ask(socket);
                temporary = Path.Combine(folder, $".{Path.GetFileName(destination)}.{Guid.NewGuid():N}.part");
                using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
                using (var file = Here(() => File.OpenHandle(temporary, FileMode.CreateNew, FileAccess.Write)))
                {
                    var buffer = new byte[FileShelf.PartBytes];
                    Receive(new FrameStream(socket), size, (_, count) => buffer.AsMemory(0, count), (offset, part) =>
                    {
                        hash.AppendData(part.Span);
                        Here(() => RandomAccess.Write(file, part.Span, offset));
                    }, cancel);
                    Here(() => RandomAccess.FlushToDisk(file));
                }

                var actual = Convert.ToHexStringLower(hash.GetHashAndReset());
                if (!actual.Equals(sha256, StringComparison.OrdinalIgnoreCase))
                {
                    throw new LinkException($"sent content whose SHA-256 is {actual}, not {sha256.ToLowerInvariant()}");
                }

                Here(() => File.Move(temporary, destination, overwrite: true));
            }, cancel);
        }
        catch
        {
            if (temporary.Length > 0)
            {
                File.Delete(temporary);
            }

            throw;
        }
    }

    /// <summary>Fetches into memory. Each frame's checksum is verified; whether it is the right content is for the caller to see.</summary>
    public byte[] Run(CancellationToken cancel)
    {
        byte[] content = [];
        Connected(socket =>
        {
            content = GC.AllocateUninitializedArray<byte>((int)Ask(socket));
            Receive(new FrameStream(socket), content.Length, (offset, count) => content.AsMemory((int)offset, count), (_, _) => { }, cancel);
        }, cancel);
        return content;
    }

    private void Connected(Action<Socket> fetch, CancellationToken cancel)
    {
        try
        {
            using var registration = cancel.UnsafeRegister(static state => ((FileFetch)state!)._socket?.Dispose(), this);
            using var socket = Dialer.Connect(host, port, maxStall, maxStall, () => cancel.IsCancellationRequested, opened => _socket = opened);
            cancel.ThrowIfCancellationRequested();
            fetch(socket);
        }
        catch (Exception error) when (error is LinkException or SocketException or ObjectDisposedException or OperationCanceledException or (IOException and not FetchException))
        {
            cancel.ThrowIfCancellationRequested();
            throw new FetchException($"cannot fetch '{key}' from {host}:{port}: the peer {error.Message}".Replace("the peer cannot", "cannot", StringComparison.Ordinal), error);
        }
    }

    private void Here(Action write) => Here(() =>
    {
        write();
        return 0;
    });

    /// <summary>This machine's own part, whose failure says so.</summary>
    private T Here<T>(Func<T> write)
    {
        try
        {
            return write();
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new FetchException($"cannot fetch '{key}' from {host}:{port}: cannot write it here: {error.Message}", error);
        }
    }

    private long Ask(Socket socket)
    {
        socket.SendTimeout = (int)maxStall.TotalMilliseconds;
        Handshake.Send(socket, new Hello(HelloPurpose.Fetch, "", 0, 0, "", 0, "", 0, key));
        var reply = Handshake.ReceiveReply(socket, maxStall);
        socket.ReceiveTimeout = (int)maxStall.TotalMilliseconds;
        return !reply.Accepted ? throw new LinkException($"refused: {reply.Reason}")
            : reply.Size < 0 || reply.Size > maximumBytes ? throw new LinkException($"offers {reply.Size} bytes where {maximumBytes} are the limit")
            : reply.Size;
    }

    /// <summary>Takes <paramref name="size"/> bytes in: each part into the memory that <paramref name="room"/> gives for (offset, count), then
    /// shows it to <paramref name="received"/>.</summary>
    private void Receive(
        FrameStream stream, long size, Func<long, int, Memory<byte>> room, Action<long, ReadOnlyMemory<byte>> received, CancellationToken cancel)
    {
        for (var offset = 0L; offset < size;)
        {
            cancel.ThrowIfCancellationRequested();
            var header = stream.ReceiveHeader();
            var count = header.PayloadBytes;
            if (header.Kind != FrameKind.File || header.Offset != offset || header.Count != count || count < 1 || count > Math.Min(FileShelf.PartBytes, size - offset))
            {
                throw new LinkException($"sent {count} bytes at {header.Offset} where at most {Math.Min(FileShelf.PartBytes, size - offset)} at {offset} were due");
            }

            var part = room(offset, count);
            stream.ReceivePayload(header, part.Span);
            received(offset, part);
            offset += count;
            progress?.Report(offset);
        }
    }
}
