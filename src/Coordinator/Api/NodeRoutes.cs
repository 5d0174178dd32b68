using System.Diagnostics;
using Akka.Actor;
using Akka.Hosting;
using Ganymede.Messages;
using Ganymede.Messages.Api;

namespace Ganymede.Coordinator.Api;

/// <summary>GPU nodes: list, drain.</summary>
public static class NodeRoutes
{
    private static readonly TimeSpan _pingDeadline = TimeSpan.FromSeconds(5);

    public static void Map(IEndpointRouteBuilder api)
    {
        var group = api.MapGroup("/nodes").WithTags("nodes");
        group.MapGet("", async (IRequiredActor<CoordinatorActor> coordinator) => (await coordinator.Ask<NodeList>(new ListNodes())).Nodes.Select(Status))
            .Describe<NodeStatus[]>("listNodes", "GPU nodes that are registered, and what they do");
        group.MapGet("/{node}/ping", PingAsync)
            .Describe<NodePing>("pingNode", "Whether the node answers the Coordinator, and how soon; 504 if it does not within 5 s");
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

    private static async Task<IResult> PingAsync(string node, IRequiredActor<CoordinatorActor> coordinator)
    {
        var begun = Stopwatch.GetTimestamp();
        try
        {
            return await coordinator.ActorRef.Ask<object>(new CoordinatorActor.PingNode(node), _pingDeadline) switch
            {
                ActorIdentity { Subject: not null } => Results.Ok(new NodePing(node, Math.Round(Stopwatch.GetElapsedTime(begun).TotalSeconds, 6))),
                ActorIdentity => Problems.NotFound($"Node '{node}' is leaving: its actor has ended."),
                SteeringAnswer answer => Problems.NotFound(string.Join(' ', answer.Lines)),
                var other => throw new InvalidOperationException($"A ping was answered with {other}."),
            };
        }
        catch (AskTimeoutException)
        {
            return Results.Problem($"Node '{node}' has not answered within {_pingDeadline.TotalSeconds:0} s.", statusCode: StatusCodes.Status504GatewayTimeout);
        }
    }

    internal static NodeStatus Status(NodeDescription node) => new(node.Node, node.Data, node.Devices, node.ThreadsPerReplica, node.ProcessId)
    {
        Akka = node.Akka, State = node.State, DrainedBy = node.DrainedBy, Run = node.Run, Member = node.Member, Registered = node.Registered, Unreachable = node.Unreachable,
    };
}
