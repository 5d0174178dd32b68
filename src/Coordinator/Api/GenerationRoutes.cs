using Akka.Hosting;
using Ganymede.Messages;
using Ganymede.Messages.Api;

namespace Ganymede.Coordinator.Api;

/// <summary>Generation jobs: start, look at, cancel.</summary>
public static class GenerationRoutes
{
    public static void Map(IEndpointRouteBuilder api)
    {
        var group = api.MapGroup("/generations").WithTags("generations");
        group.MapGet("", async (IRequiredActor<CoordinatorActor> coordinator) => (await coordinator.Ask<GenerationList>(new ListGenerations())).Jobs)
            .Describe<GenerationDescription[]>("listGenerations", "All generation jobs this Coordinator knows, newest first");
        group.MapPost("", (GenerationRequest request, HttpContext context, IRequiredActor<CoordinatorActor> coordinator) =>
                coordinator.Submit(new CoordinatorActor.SubmitGeneration(request, context.By())))
            .Describe<Accepted>("startGeneration", "Draw labelled images from a run's newest checkpoint. Several jobs may go on at once", StatusCodes.Status201Created);
        group.MapGet("/{id}", async (string id, IRequiredActor<CoordinatorActor> coordinator) =>
                (await coordinator.Ask<GenerationList>(new ListGenerations())).Jobs.FirstOrDefault(job => job.Job == id) is { } found
                    ? Results.Ok(found)
                    : Problems.NotFound($"No generation job is called '{id}'."))
            .Describe<GenerationDescription>("describeGeneration", "A generation job");
        group.MapGet("/{id}/events", EventStreams.OfJob)
            .Describe("followGeneration", "Server-sent events of a job, old and new, until it ends; Last-Event-ID goes on from there").Streams<RunEvent>();
        group.MapPost("/{id}/stop", (string id, HttpContext context, IRequiredActor<CoordinatorActor> coordinator) =>
                coordinator.Order(new CancelGeneration(id, context.By())))
            .Describe<OrderTaken>("stopGeneration", "Cancel the job; what is stored stays, and the same request goes on from there", StatusCodes.Status202Accepted);
    }
}
