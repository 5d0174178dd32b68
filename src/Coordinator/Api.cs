using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Akka.Actor;
using Akka.Hosting;
using Ganymede.Messages.Api;

namespace Ganymede.Coordinator;

/// <summary>The Coordinator's HTTP API: submit and stop jobs, follow their events, list nodes.</summary>
public static class Api
{
    private static readonly TimeSpan _answerDeadline = TimeSpan.FromSeconds(15);

    public static void Map(WebApplication app)
    {
        app.MapGet("/api/nodes", async (IRequiredActor<CoordinatorActor> coordinator) =>
        {
            var known = await Ask<NodesChanged>(coordinator, CoordinatorActor.DescribeNodes.Instance);
            return known.Nodes.Select(node => node.Registration).Select(node => new NodeStatus(
                node.Node.Value, $"{node.DataHost}:{node.DataPort}", node.Devices, node.ThreadsPerReplica, node.ProcessId));
        });

        app.MapPost("/api/runs", (RunRequest request, IRequiredActor<CoordinatorActor> coordinator) =>
            Submit(coordinator, new CoordinatorActor.SubmitRun(request)));
        app.MapPost("/api/generations", (GenerationRequest request, IRequiredActor<CoordinatorActor> coordinator) =>
            Submit(coordinator, new CoordinatorActor.SubmitGeneration(request)));

        foreach (var kind in new[] { "runs", "generations" })
        {
            app.MapGet($"/api/{kind}/{{id}}/events", (string id, HttpRequest request, JobEvents jobs, IHostApplicationLifetime lifetime, CancellationToken cancel) =>
                jobs.Find(id) is { } log
                    ? Results.ServerSentEvents(Stream(log, LastSeen(request), lifetime.ApplicationStopping, cancel))
                    : Results.NotFound(new Refused([$"No job is called '{id}'."])));
            app.MapPost($"/api/{kind}/{{id}}/stop", async (string id, IRequiredActor<CoordinatorActor> coordinator) =>
                await Ask<bool>(coordinator, new CoordinatorActor.StopJob(id, "asked to over HTTP"))
                    ? Results.Accepted()
                    : Results.NotFound(new Refused([$"No job called '{id}' is going on."])));
        }
    }

    private static async Task<IResult> Submit(IRequiredActor<CoordinatorActor> coordinator, object submit) =>
        await Ask<object>(coordinator, submit) switch
        {
            Accepted accepted => Results.Created((string?)null, accepted),
            Refused refused => Results.BadRequest(refused),
            var other => throw new InvalidOperationException($"The Coordinator answered {submit.GetType().Name} with {other}."),
        };

    private static async Task<T> Ask<T>(IRequiredActor<CoordinatorActor> coordinator, object question) =>
        await coordinator.ActorRef.Ask<T>(question, _answerDeadline);

    /// <summary>What a reader that was cut off has already; browsers and our client send it on reconnecting.</summary>
    private static long LastSeen(HttpRequest request) =>
        long.TryParse(request.Headers["Last-Event-ID"], out var last) ? last : 0;

    private static async IAsyncEnumerable<SseItem<string>> Stream(
        EventLog log, long after, CancellationToken stopping, [EnumeratorCancellation] CancellationToken cancel)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(stopping, cancel);
        await foreach (var happened in log.ReadAsync(after, either.Token))
        {
            yield return new SseItem<string>(JsonSerializer.Serialize(happened, ApiJson.Options))
            {
                EventId = happened.Sequence.ToString(System.Globalization.CultureInfo.InvariantCulture),
            };
        }
    }
}
