using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Ganymede.Commands;

/// <summary>Listens for shells, and has each served by a <see cref="PbmConnection"/>. What one of them does ends at most its own connection.</summary>
public sealed partial class PbmEndpoint(IOptions<PbmOptions> options, PbmTable table, PbmContextSource context, IConfiguration configuration, ILogger<PbmEndpoint> log) : IHostedService, IDisposable
{
    private readonly CancellationTokenSource _stopping = new();
    private readonly ConcurrentDictionary<PbmConnection, Task> _connections = [];
    private Socket? _listener;
    private Task _accepting = Task.CompletedTask;

    /// <summary>As <c>host:port</c>; null where it is off.</summary>
    public string? Address { get; private set; }

    /// <exception cref="SocketException">The port is taken.</exception>
    public Task StartAsync(CancellationToken cancellationToken)
    {
        if (options.Value.Port < 0)
            return Task.CompletedTask;

        var at = new IPEndPoint(IPAddress.Parse(options.Value.Host), options.Value.Port);
        _listener = new Socket(at.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            try
            {
                _listener.Bind(at);
            }
            catch (SocketException taken) when (taken.SocketErrorCode == SocketError.AddressAlreadyInUse && configuration[$"{PbmOptions.Section}:Port"] is null)
            {
                // Several programs of one machine, and nobody has said which of them is to have the usual port.
                _listener.Bind(new IPEndPoint(at.Address, 0));
                LogTaken(log, at.Port, _listener.LocalEndPoint);
            }

            _listener.Listen();
        }
        catch (SocketException error)
        {
            throw new IOException($"Pbm:Port {options.Value.Port} on {options.Value.Host} cannot be listened on", error);
        }

        Address = _listener.LocalEndPoint!.ToString();
        if (!IPAddress.IsLoopback(at.Address))
            LogOpen(log, Address);
        _accepting = AcceptAsync(_listener);
        return Task.CompletedTask;
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await _stopping.CancelAsync();
        _listener?.Dispose();
        await _accepting.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await Task.WhenAll(_connections.Values).WaitAsync(TimeSpan.FromSeconds(5), cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    public void Dispose()
    {
        _listener?.Dispose();
        _stopping.Dispose();
    }

    private async Task AcceptAsync(Socket listener)
    {
        while (!_stopping.IsCancellationRequested)
        {
            Socket client;
            try
            {
                client = await listener.AcceptAsync(_stopping.Token);
            }
            catch (Exception error) when (error is OperationCanceledException or ObjectDisposedException)
            {
                return;
            }
            catch (SocketException error)
            {
                LogRefused(log, "a client", error.Message); // it is gone again, or this process has no more descriptors
                await Task.Delay(TimeSpan.FromMilliseconds(100), _stopping.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                continue;
            }

            if (_connections.Count >= options.Value.MostClients)
            {
                var turnedAway = PbmConnection.Name(client);
                LogRefused(log, turnedAway, "too many are connected");
                client.Dispose();
                continue;
            }

            var connection = new PbmConnection(client, table, context.Get(), log);
            _connections[connection] = ServeAsync(connection);
            if (connection.IsOver)
                _connections.TryRemove(connection, out _);
        }
    }

    private async Task ServeAsync(PbmConnection connection)
    {
        await Task.Yield();
        await connection.RunAsync(_stopping.Token);
        _connections.TryRemove(connection, out _);
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "pbm: port {Port} is taken; commands are taken at {Address} (Pbm:Port chooses)")]
    private static partial void LogTaken(ILogger logger, int port, EndPoint? address);

    [LoggerMessage(Level = LogLevel.Warning, Message = "pbm: commands are taken at {Address}, without a key, from every machine that reaches it")]
    private static partial void LogOpen(ILogger logger, string? address);

    [LoggerMessage(Level = LogLevel.Information, Message = "pbm: {Peer} was turned away: {Reason}")]
    internal static partial void LogRefused(ILogger logger, string peer, string reason);

    [LoggerMessage(Level = LogLevel.Information, Message = "pbm: {Peer} asks for '{Command}'")]
    internal static partial void LogCommand(ILogger logger, string peer, string command);

    [LoggerMessage(Level = LogLevel.Error, Message = "pbm: '{Command}' has failed in a way that was not foreseen")]
    internal static partial void LogFault(ILogger logger, Exception error, string command);
}
