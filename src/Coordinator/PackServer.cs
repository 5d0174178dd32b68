using Ganymede.Collectives;
using Ganymede.Messages;
using Microsoft.Extensions.Options;

namespace Ganymede.Coordinator;

/// <summary>Serves packed data sets to the nodes by their SHA-256, over this process's end of the data plane.</summary>
public sealed partial class PackServer : IAsyncDisposable
{
    private readonly DataPlane _plane;
    private readonly Lock _lock = new();

    /// <summary>Several runs may train on the same set: each has packed it into its own folder.</summary>
    private readonly Dictionary<string, List<string>> _paths = new(StringComparer.Ordinal);

    private PackServer(DataPlane plane, string host) => (_plane, Host) = (plane, host);

    /// <summary>Host name or address at which nodes reach it.</summary>
    public string Host { get; }

    public int Port => _plane.Port;

    public string Address => $"{Host}:{Port}";

    public static PackServer Listen(IServiceProvider services)
    {
        var node = services.GetRequiredService<IOptions<ClusterNodeOptions>>().Value;
        var data = services.GetRequiredService<IOptions<DataEndpointOptions>>().Value;
        var log = services.GetRequiredService<ILogger<PackServer>>();
        return Listen(node.BindHostName, node.PublicHostName, data.Port, message => LogDataPlane(log, message));
    }

    /// <param name="bindHost">Address to listen on.</param>
    /// <param name="publicHost">Name or address to tell the nodes.</param>
    /// <param name="port">Zero picks a free one.</param>
    public static PackServer Listen(string bindHost, string publicHost, int port, Action<string> log) => new(
        DataPlane.Listen(new DataPlaneOptions { Name = ClusterHosting.CoordinatorRole, Host = bindHost, Port = port, Log = log }), publicHost);

    public void Serve(string sha256, string path)
    {
        lock (_lock)
        {
            if (!_paths.TryGetValue(sha256, out var paths))
                _paths[sha256] = paths = [];
            paths.Add(path);
            _plane.Serve(sha256, path);
        }
    }

    /// <summary>Takes one <see cref="Serve"/> back; the set is served on from another run's folder, if there is one.</summary>
    public void Unserve(string sha256, string path)
    {
        lock (_lock)
        {
            if (!_paths.TryGetValue(sha256, out var paths) || !paths.Remove(path))
                return;
            paths.RemoveAll(other => !File.Exists(other)); // its folder was removed
            if (paths is [.., var left])
            {
                _plane.Serve(sha256, left);
                return;
            }

            _paths.Remove(sha256);
            _plane.Unserve(sha256);
        }
    }

    public ValueTask DisposeAsync() => _plane.DisposeAsync();

    [LoggerMessage(Level = LogLevel.Information, Message = "Data plane: {What}")]
    private static partial void LogDataPlane(ILogger logger, string what);
}
