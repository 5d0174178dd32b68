using Ganymede.Messages;
using static Ganymede.Commands.Define;

namespace Ganymede.Commands;

/// <summary>GPU nodes.</summary>
internal static class NodePalette
{
    private static readonly PbmArgument _node = Mandatory("-n", "node", "Its id, or the name that the id begins with.");

    public static PbmPalette Create() => new("node", "GPU nodes",
    [
        Command("list", "Lists the nodes: state, run, view, shards, speed.", Answer(List)),
        Command("show", "Describes a node.", Answer(Show), _node),
        Command("drain", "Has a node leave its run after the step in hand and get no new work.", Order(call => new SteerNode(call["node"], NodeOrder.Drain, call.By)), _node),
        Command("undrain", "Lets a drained node have work again.", Order(call => new SteerNode(call["node"], NodeOrder.Undrain, call.By)), _node),
        Command("devices", "Lists the devices of all nodes, a line each.", Answer(Devices)),
    ]);

    private static async Task<NodeDescription[]> Nodes(PbmCall call, CancellationToken cancel) =>
        (await call.Context.Ask<NodeList>(new ListNodes(), cancel)).Nodes;

    private static async Task<IEnumerable<string>> List(PbmCall call, CancellationToken cancel)
    {
        var nodes = await Nodes(call, cancel);
        return
        [
            .. Table([["NODE", "STATE", "VIEW", "SHARDS", "IMAGES/S", "DEVICES", "RUN"],
                .. nodes.Select(node => new[]
                {
                    node.Node, State(node), node.Run is null ? "-" : Text($"{node.View}"), node.Member is null ? "-" : RunPalette.Shards(node.Member),
                    node.Member is null ? "-" : Text($"{node.Member.ImagesPerSecond:0}"), string.Join(",", node.Devices), node.Run ?? "-",
                })]),
            Text($"Count: {nodes.Length} nodes"),
        ];
    }

    private static string State(NodeDescription node) =>
        node.State + (node.DrainedBy is not null && node.State != "drained" ? " (drains)" : "") + (node.Unreachable ? " (unreachable)" : "");

    private static async Task<IEnumerable<string>> Show(PbmCall call, CancellationToken cancel)
    {
        var all = await Nodes(call, cancel);
        var found = all.Where(node => node.Node == call["node"]).DefaultIfEmpty(null).Single() is { } exact
            ? [exact]
            : all.Where(node => call["node"].Length > 0 && node.Node.StartsWith(call["node"], StringComparison.Ordinal)).ToArray();
        if (found is not [var node])
        {
            throw new PbmException(found.Length == 0
                ? $"No node is called '{call["node"]}'; 'node list' lists them."
                : $"'{call["node"]}' may be {string.Join(" or ", found.Select(its => its.Node))}.");
        }

        return
        [
            $"node: {node.Node}",
            $"state: {State(node)}{(node.DrainedBy is null ? "" : $", by {node.DrainedBy}")}",
            $"akka: {node.Akka}",
            $"data: {node.Data}",
            $"devices: {string.Join(",", node.Devices)}",
            Text($"threads: {node.ThreadsPerReplica} a replica"),
            Text($"process: {node.ProcessId}"),
            Text($"registered: {node.Registered:yyyy-MM-dd HH:mm:ss}Z"),
            $"run: {node.Run ?? "none"}",
            .. node.Member is { } member
                ? new[]
                {
                    Text($"view: {node.View}"), $"shards: {RunPalette.Shards(member)}", Text($"step: {member.Step}"), Text($"speed: {member.ImagesPerSecond:0} images/s"),
                    Text($"memory: {member.ResidentBytes / 1e6:0} MB, {member.LiveTensors} live tensors"),
                }
                : [],
        ];
    }

    private static async Task<IEnumerable<string>> Devices(PbmCall call, CancellationToken cancel) =>
        (await Nodes(call, cancel)).SelectMany(node => node.Devices.Select((device, index) => Text($"{node.Node} | {index} | {device} | {node.ThreadsPerReplica} threads")));
}
