using Ganymede.Collectives;
using Ganymede.Messages;
using Microsoft.Extensions.Options;

namespace Ganymede.GpuNode;

/// <summary>What runs and samplers need of their node.</summary>
/// <param name="Devices">One replica, or one drawing thread, each.</param>
public sealed record NodeServices(DataPlane DataPlane, PackCache Packs, string[] Devices, int ThreadsPerReplica, bool Overlap, ILoggerFactory Logs)
{
    public static NodeServices Create(IServiceProvider services)
    {
        var cluster = services.GetRequiredService<IOptions<ClusterNodeOptions>>().Value;
        var node = services.GetRequiredService<IOptions<GpuNodeOptions>>().Value;
        var logs = services.GetRequiredService<ILoggerFactory>();
        var log = logs.CreateLogger<DataPlane>();
        var plane = DataPlane.Listen(new DataPlaneOptions
        {
            Name = NodeIdentity.NewId(node),
            Host = cluster.BindHostName,
            Port = services.GetRequiredService<IOptions<DataEndpointOptions>>().Value.Port,
            RefusalPatience = TimeSpan.FromMilliseconds(100), // a node registers when its listener is open
            JoinDeadline = Deadlines.Prepare,
            Wire = node.Wire,
            ChunkBytes = node.ChunkBytes,
            Connections = node.Connections,
            Algorithm = node.Algorithm,
            Log = message => log.DataPlane(message),
        });
        var cache = node.CacheFolder.Length > 0 ? node.CacheFolder : PackCache.DefaultFolder;
        return new NodeServices(plane, new PackCache(cache, plane), node.DeviceList, node.Threads, node.Overlap, logs);
    }
}
