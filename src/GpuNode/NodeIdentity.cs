using Ganymede.Messages;
using Microsoft.Extensions.Options;

namespace Ganymede.GpuNode;

/// <summary>Who this process is for as long as it lives, and where it is reached.</summary>
public sealed class NodeIdentity
{
    public NodeIdentity(NodeServices services, IOptions<ClusterNodeOptions> cluster, IOptions<GpuNodeOptions> node)
    {
        // A name to read (given, or host and process) and a part that no restart repeats.
        var name = node.Value.Name is { Length: > 0 } given ? given : $"{Environment.MachineName.ToLowerInvariant()}-{Environment.ProcessId}";
        Registration = new RegisterNode(
            new NodeId($"{name}-{Guid.NewGuid().ToString("N")[..6]}"), cluster.Value.PublicHostName, services.DataPlane.Port,
            node.Value.DeviceList, node.Value.Threads, Environment.ProcessId);
        Runs.Faults.Arm(name);
    }

    public RegisterNode Registration { get; }

    public string DataAddress => $"{Registration.DataHost}:{Registration.DataPort}";
}
