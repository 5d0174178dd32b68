using System.Buffers;
using System.Net.Sockets;
using System.Security.Cryptography;

namespace Ganymede.Collectives;

/// <summary>A file that could not be fetched; the message names host, port, key and cause.</summary>
public sealed class FetchException(string message, Exception? inner = null) : IOException(message, inner);

/// <summary>The fetching side of <see cref="FileShelf"/>.</summary>
internal sealed class FileFetch(
    string host, int port, string key, string destination, string sha256, long maximumBytes, TimeSpan maxStall, IProgress<long>? progress)
{
    private volatile Socket? _socket;

    public void Run(CancellationToken cancel)
    {
        var temporary = "";
        try
        {
            var folder = Path.GetDirectoryName(Path.GetFullPath(destination))!;
            Directory.CreateDirectory(folder);
            using var registration = cancel.UnsafeRegister(static state => ((FileFetch)state!)._socket?.Dispose(), this);
            using var socket = Dialer.Connect(host, port, maxStall, () => cancel.IsCancellationRequested, opened => _socket = opened);
            cancel.ThrowIfCancellationRequested();
            var size = Ask(socket);
            temporary = Path.Combine(folder, $".{Path.GetFileName(destination)}.{Guid.NewGuid():N}.part");
            using (var file = File.OpenHandle(temporary, FileMode.CreateNew, FileAccess.Write))
            {
                Receive(new FrameStream(socket), file, size, cancel);
                RandomAccess.FlushToDisk(file);
            }

            File.Move(temporary, destination, overwrite: true);
        }
        catch (Exception error) when (error is LinkException or SocketException or IOException or ObjectDisposedException or UnauthorizedAccessException or OperationCanceledException)
        {
            if (temporary.Length > 0)
            {
                File.Delete(temporary);
            }

            cancel.ThrowIfCancellationRequested();
            throw new FetchException($"cannot fetch '{key}' from {host}:{port}: the peer {error.Message}".Replace("the peer cannot", "cannot", StringComparison.Ordinal), error);
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

    private void Receive(FrameStream stream, Microsoft.Win32.SafeHandles.SafeFileHandle file, long size, CancellationToken cancel)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = ArrayPool<byte>.Shared.Rent(FileShelf.PartBytes);
        try
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

                var part = buffer.AsSpan(0, count);
                stream.ReceivePayload(header, part);
                hash.AppendData(part);
                RandomAccess.Write(file, part, offset);
                offset += count;
                progress?.Report(offset);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }

        var actual = Convert.ToHexStringLower(hash.GetHashAndReset());
        if (!actual.Equals(sha256, StringComparison.OrdinalIgnoreCase))
        {
            throw new LinkException($"sent content whose SHA-256 is {actual}, not {sha256.ToLowerInvariant()}");
        }
    }
}
