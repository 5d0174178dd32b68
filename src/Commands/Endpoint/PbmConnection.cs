using System.Diagnostics.CodeAnalysis;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;

namespace Ganymede.Commands;

/// <summary>
/// One shell: hello and welcome, then one command after another. A shell that does not take what it asked for is cut off; until then
/// the command waits for it, so nothing piles up.
/// </summary>
[SuppressMessage("Design", "CA1001", Justification = "A command that ends late may still wait for it; without a wait handle there is nothing to free.")]
internal sealed class PbmConnection(Socket socket, PbmTable table, PbmContext context, ILogger log)
{
    private static readonly TimeSpan _helloDeadline = TimeSpan.FromSeconds(5);

    /// <summary>For a frame to be taken by the other side.</summary>
    private static readonly TimeSpan _writeDeadline = TimeSpan.FromSeconds(10);

    /// <summary>For a command that does not stream: above what it waits for anybody.</summary>
    private static readonly TimeSpan _commandDeadline = TimeSpan.FromSeconds(60);

    /// <summary>A shell may stand open for so long without a word.</summary>
    private static readonly TimeSpan _idleDeadline = TimeSpan.FromHours(8);

    private readonly SemaphoreSlim _writing = new(1);
    private readonly string _peer = Name(socket);

    /// <summary>Its sockets are closed and its commands have ended.</summary>
    public bool IsOver { get; private set; }

    public static string Name(Socket socket)
    {
        try
        {
            return $"pbm {socket.RemoteEndPoint}";
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            return "pbm (gone)";
        }
    }

    /// <summary>Serves until the shell goes, breaks the protocol, or the endpoint stops. Never throws.</summary>
    public async Task RunAsync(CancellationToken stopping)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        Task command = Task.CompletedTask;
        try
        {
            socket.NoDelay = true;
            await using var stream = new NetworkStream(socket, ownsSocket: true);
            await GreetAsync(stream, over.Token);
            CancellationTokenSource? running = null;
            var runningId = 0;
            while (await ReadAsync(stream, _idleDeadline, over.Token) is { } frame)
            {
                switch (frame)
                {
                    case Invoke invoke when command.IsCompleted:
                        running?.Dispose();
                        running = CancellationTokenSource.CreateLinkedTokenSource(over.Token);
                        runningId = invoke.Id;
                        command = ExecuteAsync(stream, invoke, running.Token);
                        break;
                    case Invoke:
                        throw new PbmWireException("a command while another goes on");
                    case Cancel cancel when cancel.Id == runningId && running is not null:
                        await running.CancelAsync();
                        await command;
                        break;
                    case Cancel:
                        break; // of one that has ended meanwhile
                    default:
                        throw new PbmWireException($"a frame that only an endpoint sends ({frame.GetType().Name})");
                }
            }
        }
        catch (PbmWireException error)
        {
            PbmEndpoint.LogRefused(log, _peer, error.Message);
        }
        catch (Exception error) when (error is IOException or SocketException or OperationCanceledException or ObjectDisposedException)
        {
            // The shell is gone, or this endpoint is about to be.
        }
        catch (Exception error)
        {
            PbmEndpoint.LogFault(log, error, "connection"); // whatever it is, the endpoint goes on for others
        }

        await over.CancelAsync();
        await command.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        socket.Dispose();
        IsOver = true;
    }

    private static async Task<IPbmFrame?> ReadAsync(Stream stream, TimeSpan deadline, CancellationToken cancel)
    {
        using var late = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        late.CancelAfter(deadline);
        return await PbmWire.ReadAsync(stream, PbmWire.LargestRequest, late.Token);
    }

    private async Task GreetAsync(Stream stream, CancellationToken cancel)
    {
        var first = await ReadAsync(stream, _helloDeadline, cancel);
        if (first is not Hello { Magic: PbmWire.Magic } hello)
            throw new PbmWireException("no hello");
        await WriteAsync(stream, new Welcome(PbmWire.Version, context.Role, context.Cluster.SelfAddress.ToString(), hello.Version == PbmWire.Version ? PbmWire.Describe(table) : []), cancel);
        if (hello.Version != PbmWire.Version)
            throw new PbmWireException($"version {hello.Version}, where {PbmWire.Version} is spoken");
    }

    private async Task ExecuteAsync(Stream stream, Invoke invoke, CancellationToken cancel)
    {
        await Task.Yield();
        var end = await DoAsync(stream, invoke, cancel);
        try
        {
            await WriteAsync(stream, end, CancellationToken.None);
        }
        catch (Exception error) when (error is IOException or SocketException or OperationCanceledException or ObjectDisposedException)
        {
            // Nobody is there to be told.
        }
    }

    private async Task<Ended> DoAsync(Stream stream, Invoke invoke, CancellationToken cancel)
    {
        var title = "";
        try
        {
            if (invoke.Words is null || invoke.Words.Length > 200 || invoke.Words.Any(word => word is null))
                throw PbmException.Usage("These are not words of a command.");
            var (command, values) = table.Parse(invoke.Words);
            title = string.Join(' ', invoke.Words.Select(word => Clean(word.Length > 200 ? word[..200] : word)));
            PbmEndpoint.LogCommand(log, _peer, title);
            using var late = CancellationTokenSource.CreateLinkedTokenSource(cancel);
            if (!command.Streams)
                late.CancelAfter(_commandDeadline);
            try
            {
                await foreach (var line in command.Handler(new PbmCall(context, _peer, values), late.Token).WithCancellation(late.Token))
                    await WriteAsync(stream, new Line(invoke.Id, line.Length > PbmWire.LongestLine ? line[..PbmWire.LongestLine] : line), late.Token);
            }
            catch (OperationCanceledException) when (late.IsCancellationRequested && !cancel.IsCancellationRequested)
            {
                throw new PbmException($"It was not done within {_commandDeadline.TotalSeconds:0} s.");
            }

            return new Ended(invoke.Id, 0, null);
        }
        catch (PbmException error)
        {
            return new Ended(invoke.Id, error.IsUsage ? 2 : 1, error.Message);
        }
        catch (OperationCanceledException)
        {
            return new Ended(invoke.Id, 0, null); // cut off, as asked
        }
        catch (Exception error) when (error is not (IOException or SocketException or ObjectDisposedException))
        {
            PbmEndpoint.LogFault(log, error, title);
            return new Ended(invoke.Id, 1, $"An unforeseen {error.GetType().Name}: {error.Message}");
        }
    }

    /// <summary>What came from outside must not forge lines of the log.</summary>
    private static string Clean(string word) => new([.. word.Select(c => char.IsControl(c) ? '?' : c)]);

    private async Task WriteAsync(Stream stream, IPbmFrame frame, CancellationToken cancel)
    {
        using var late = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        late.CancelAfter(_writeDeadline);
        await _writing.WaitAsync(late.Token);
        try
        {
            await stream.WriteAsync(PbmWire.Write(frame), late.Token);
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            socket.Dispose(); // half a frame may have gone out: nothing that follows would be understood
            throw new IOException($"it took nothing for {_writeDeadline.TotalSeconds:0} s");
        }
        finally
        {
            _writing.Release();
        }
    }
}
