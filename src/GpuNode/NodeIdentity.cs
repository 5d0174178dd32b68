using Ganymede.Messages;
using Microsoft.Extensions.Options;

namespace Ganymede.GpuNode;

/// <summary>Who this process is for as long as it lives, and where it is reached.</summary>
public sealed class NodeIdentity
{
    public NodeIdentity(NodeServices services, IOptions<ClusterNodeOptions> cluster, IOptions<GpuNodeOptions> node)
    {
        // The data plane bears the node's id, so that a probe of its address finds out whether it is still the same process.
        Registration = new RegisterNode(
            new NodeId(services.DataPlane.Name), cluster.Value.PublicHostName, services.DataPlane.Port,
            node.Value.DeviceList, node.Value.Threads, Environment.ProcessId);
        Runs.Faults.Arm(NameOf(node.Value));
    }

    /// <summary>A name to read (given, or host and process) and a part that no restart repeats.</summary>
    public static string NewId(GpuNodeOptions node) => $"{NameOf(node)}-{Guid.NewGuid().ToString("N")[..6]}";

    private static string NameOf(GpuNodeOptions node) =>
        node.Name is { Length: > 0 } given ? given : $"{Environment.MachineName.ToLowerInvariant()}-{Environment.ProcessId}";

    public RegisterNode Registration { get; }

    public string DataAddress => $"{Registration.DataHost}:{Registration.DataPort}";
}
