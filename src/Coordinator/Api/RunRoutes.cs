using Akka.Hosting;
using Ganymede.Messages;
using Ganymede.Messages.Api;

namespace Ganymede.Coordinator.Api;

/// <summary>Runs: start, look at, steer.</summary>
public static class RunRoutes
{
    private const int MostEvents = 1000;

    public static void Map(IEndpointRouteBuilder api)
    {
        var group = api.MapGroup("/runs").WithTags("runs");
        group.MapGet("", async (IRequiredActor<CoordinatorActor> coordinator) => (await coordinator.Ask<RunList>(new ListRuns())).Runs)
            .Describe<RunDescription[]>("listRuns", "All runs this Coordinator knows, newest first, without their views");
        group.MapPost("", (RunRequest request, HttpContext context, IRequiredActor<CoordinatorActor> coordinator) =>
                coordinator.Submit(new CoordinatorActor.SubmitRun(request, context.By())))
            .Describe<Accepted>("startRun", "Train. One run at a time", StatusCodes.Status201Created);

        var run = group.MapGroup("/{id}");
        run.MapGet("", async (string id, IRequiredActor<CoordinatorActor> coordinator) =>
                await Find(id, coordinator) is { } found ? Results.Ok(found) : Unknown(id))
            .Describe<RunDescription>("describeRun", "A run, its members and the history of its views");
        run.MapGet("/views", async (string id, IRequiredActor<CoordinatorActor> coordinator) =>
                await Find(id, coordinator) is { } found ? Results.Ok(found.Views) : Unknown(id))
            .Describe<ViewDescription[]>("listViews", "Who trained when, and why that changed; oldest first");
        run.MapGet("/events", EventStreams.OfJob)
            .Describe("followRun", "Server-sent events of a run, old and new, until it ends; Last-Event-ID goes on from there").Streams<RunEvent>();
        run.MapGet("/log", (string id, JobEvents jobs, long? after) =>
                jobs.Find(id) is { } log ? Results.Ok(log.Words(after ?? 0, MostEvents)) : Unknown(id))
            .Describe<RunEvent[]>("listEvents", "The newest thousand of a run's events numbered above 'after' that are not progress; oldest first");
        run.MapGet("/history", (string id, JobEvents jobs) =>
                jobs.Find(id) is { } log ? Results.Ok(History(log.Curve())) : Unknown(id))
            .Describe<RunHistory>("readHistory", "Losses and speed from the first report to the newest, in about a thousand points");
        run.MapGet("/metrics", async (string id, IRequiredActor<CoordinatorActor> coordinator, RunMetricsFiles files) =>
                await Find(id, coordinator) is { } found ? Results.Ok(files.Of(found).Read()) : Unknown(id))
            .Describe<RunMetrics>("readMetrics", "Every figure of the run's metrics.jsonl, in about a thousand points");
        run.MapGet("/grids", async (string id, IRequiredActor<CoordinatorActor> coordinator) =>
                await Find(id, coordinator) is { } found
                    ? Results.Ok(RunGrids.Steps(found.Folder).Select(step => new GridReference(step, $"/api/runs/{Uri.EscapeDataString(id)}/grids/{step}")))
                    : Unknown(id))
            .Describe<GridReference[]>("listGrids", "The steps of which there is a sample grid, ascending");
        run.MapGet("/grids/{step:long:min(0)}", async (string id, long step, HttpContext context, IRequiredActor<CoordinatorActor> coordinator) =>
                await Find(id, coordinator) is not { } found ? Unknown(id)
                    : RunGrids.Read(found.Folder, step) is { } png ? Png(png, context)
                    : Problems.NotFound($"Run {id} has no sample grid of step {step}."))
            .Describe("readGrid", "The sample grid of a step as PNG").Produces(StatusCodes.Status200OK, contentType: "image/png");

        foreach (var (order, summary) in new[]
        {
            (RunOrder.Pause, "Hold the run at the end of the step in hand, with a checkpoint; changes no weight"),
            (RunOrder.Resume, "Go on with a run that is held"),
            (RunOrder.Checkpoint, "Write a checkpoint after the step in hand"),
            (RunOrder.Stop, "End the run after the step in hand, with a checkpoint"),
        })
        {
            var name = order.ToString().ToLowerInvariant();
            run.MapPost($"/{name}", (string id, HttpContext context, IRequiredActor<CoordinatorActor> coordinator) =>
                    coordinator.Order(new SteerRun(id, order, context.By())))
                .Describe<OrderTaken>($"{name}Run", summary, StatusCodes.Status202Accepted);
        }
    }

    private static async Task<RunDescription?> Find(string id, IRequiredActor<CoordinatorActor> coordinator) =>
        (await coordinator.Ask<RunList>(new DescribeRun(id))).Runs.FirstOrDefault();

    private static IResult Png(byte[] png, HttpContext context)
    {
        context.Response.Headers.CacheControl = "private, max-age=86400, immutable"; // another grid of that step would be another run's
        return Results.Bytes(png, "image/png");
    }

    private static IResult Unknown(string id) => Problems.NotFound($"No run is called '{id}'.");

    private static RunHistory History(CurvePoint[] points) => new(
        [.. points.Select(point => point.Step)], [.. points.Select(point => point.Time)], [.. points.Select(point => point.DiscriminatorLoss)],
        [.. points.Select(point => point.GeneratorLoss)], [.. points.Select(point => point.ImagesPerSecond)]);
}
