using Akka.Hosting;
using Ganymede.Messages;
using Ganymede.Messages.Api;

namespace Ganymede.Coordinator.Api;

/// <summary>GPU nodes: list, drain.</summary>
public static class NodeRoutes
{
    public static void Map(IEndpointRouteBuilder api)
    {
        var group = api.MapGroup("/nodes").WithTags("nodes");
        group.MapGet("", async (IRequiredActor<CoordinatorActor> coordinator) => (await coordinator.Ask<NodeList>(new ListNodes())).Nodes.Select(Status))
            .Describe<NodeStatus[]>("listNodes", "GPU nodes that are registered, and what they do");
        foreach (var (order, summary) in new[]
        {
            (NodeOrder.Drain, "The node leaves what it does after the step in hand, and gets no new work"),
            (NodeOrder.Undrain, "The node gets work again"),
        })
        {
            var name = order.ToString().ToLowerInvariant();
            group.MapPost($"/{{node}}/{name}", (string node, HttpContext context, IRequiredActor<CoordinatorActor> coordinator) =>
                    coordinator.Order(new SteerNode(node, order, context.By())))
                .Describe<OrderTaken>($"{name}Node", summary, StatusCodes.Status202Accepted);
        }
    }

    internal static NodeStatus Status(NodeDescription node) => new(node.Node, node.Data, node.Devices, node.ThreadsPerReplica, node.ProcessId)
    {
        Akka = node.Akka, State = node.State, DrainedBy = node.DrainedBy, Run = node.Run, Member = node.Member, Registered = node.Registered, Unreachable = node.Unreachable,
    };
}
