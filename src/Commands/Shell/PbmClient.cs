using System.Net.Sockets;
using System.Runtime.CompilerServices;

namespace Ganymede.Commands;

/// <summary>The other end of a <see cref="PbmEndpoint"/>: connects, downloads the commands, has them carried out.</summary>
public sealed class PbmClient : IAsyncDisposable
{
    /// <summary>For the connection and its welcome.</summary>
    public static readonly TimeSpan ConnectDeadline = TimeSpan.FromSeconds(10);

    private readonly TcpClient _tcp;
    private readonly NetworkStream _stream;
    private int _lastId;

    private PbmClient(TcpClient tcp, NetworkStream stream, string address, Welcome welcome) =>
        (_tcp, _stream, Address, Welcome) = (tcp, stream, address, welcome);

    /// <summary>As <c>host:port</c>.</summary>
    public string Address { get; }

    /// <summary>Who answers there, and its commands.</summary>
    public Welcome Welcome { get; }

    /// <exception cref="PbmNoConnectionException">Nobody is there, it is no endpoint, or it speaks another version.</exception>
    public static async Task<PbmClient> ConnectAsync(string host, int port, CancellationToken cancel)
    {
        var address = host.Contains(':', StringComparison.Ordinal) ? $"[{host}]:{port}" : $"{host}:{port}";
        var tcp = new TcpClient { NoDelay = true };
        using var late = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        late.CancelAfter(ConnectDeadline);
        try
        {
            await tcp.ConnectAsync(host, port, late.Token);
            var stream = tcp.GetStream();
            await stream.WriteAsync(PbmWire.Write(new Hello(PbmWire.Magic, PbmWire.Version)), late.Token);
            if (await PbmWire.ReadAsync(stream, PbmWire.LargestAnswer, late.Token) is not Welcome welcome)
                throw new PbmNoConnectionException($"{address}: turned away, or no command endpoint listens there.");
            if (welcome.Version != PbmWire.Version)
                throw new PbmNoConnectionException($"{address}: speaks version {welcome.Version} of the protocol, this shell {PbmWire.Version}.");
            return new PbmClient(tcp, stream, address, welcome);
        }
        catch (Exception error) when (error is IOException or SocketException or OperationCanceledException && !cancel.IsCancellationRequested)
        {
            tcp.Dispose();
            throw new PbmNoConnectionException(error is OperationCanceledException
                ? $"{address}: has not answered within {ConnectDeadline.TotalSeconds:0} s."
                : $"{address}: cannot connect: {error.GetBaseException().Message.TrimEnd('.')}.");
        }
        catch (Exception)
        {
            tcp.Dispose();
            throw;
        }
    }

    /// <summary>Has a command carried out. A cancelled one ends in good order: the endpoint is told, and has <see cref="ConnectDeadline"/> to obey.</summary>
    /// <param name="enough">Ends a command that streams.</param>
    /// <exception cref="PbmException">It failed, or was not understood.</exception>
    /// <exception cref="PbmNoConnectionException">The connection broke.</exception>
    public async IAsyncEnumerable<string> RunAsync(IReadOnlyList<string> words, [EnumeratorCancellation] CancellationToken enough)
    {
        var id = ++_lastId;
        await WriteAsync(new Invoke(id, [.. words]));
        using var late = new CancellationTokenSource();
        await using var cancelling = enough.Register(() =>
        {
            late.CancelAfter(ConnectDeadline);
            _ = CancelAsync(id);
        });
        while (true)
        {
            IPbmFrame? frame;
            try
            {
                frame = await PbmWire.ReadAsync(_stream, PbmWire.LargestAnswer, late.Token);
            }
            catch (OperationCanceledException)
            {
                throw new PbmNoConnectionException($"{Address}: has not ended the command within {ConnectDeadline.TotalSeconds:0} s of being told to.");
            }
            catch (Exception error) when (error is IOException or SocketException or ObjectDisposedException)
            {
                throw new PbmNoConnectionException($"{Address}: the connection broke: {error.GetBaseException().Message.TrimEnd('.')}.");
            }

            switch (frame)
            {
                case Line line when line.Id == id:
                    yield return line.Text;
                    break;
                case Ended { Status: 0 } end when end.Id == id:
                    yield break;
                case Ended end when end.Id == id:
                    throw new PbmException(end.Text ?? "failed", isUsage: end.Status == 2);
                case null:
                    throw new PbmNoConnectionException($"{Address}: the connection was closed before the command was done.");
                default:
                    throw new PbmNoConnectionException($"{Address}: sent something that is not expected here.");
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stream.DisposeAsync();
        _tcp.Dispose();
    }

    private async Task CancelAsync(int id)
    {
        try
        {
            await WriteAsync(new Cancel(id));
        }
        catch (PbmNoConnectionException)
        {
            // Whoever reads sees it, too.
        }
    }

    private async Task WriteAsync(IPbmFrame frame)
    {
        try
        {
            using var late = new CancellationTokenSource(ConnectDeadline);
            await _stream.WriteAsync(PbmWire.Write(frame), late.Token);
        }
        catch (Exception error) when (error is IOException or SocketException or OperationCanceledException or ObjectDisposedException)
        {
            throw new PbmNoConnectionException($"{Address}: the connection broke: {error.GetBaseException().Message.TrimEnd('.')}.");
        }
    }
}

/// <summary>An endpoint cannot be talked to.</summary>
public sealed class PbmNoConnectionException(string message) : Exception(message);
