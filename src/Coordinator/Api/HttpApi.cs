using System.Globalization;
using Akka.Actor;
using Akka.Hosting;
using Ganymede.Coordinator.Page;
using Ganymede.Messages;
using Ganymede.Messages.Api;
using Microsoft.Extensions.Options;

namespace Ganymede.Coordinator.Api;

/// <summary>The Coordinator over HTTP: its API, the description of that, and the live page. Every answer is JSON, a PNG, a stream of events or a file of the page.</summary>
public static class HttpApi
{
    private static readonly TimeSpan _answerDeadline = TimeSpan.FromSeconds(15);

    /// <summary>A request is a few kilobytes, most of it a preset.</summary>
    private const long MostBodyBytes = 1024 * 1024;

    public static void AddTo(IServiceCollection services)
    {
        services.ConfigureHttpJsonOptions(json => ApiJson.Configure(json.SerializerOptions));
        services.AddSingleton<IValidateOptions<ApiOptions>, ApiOptionsValidator>();
        services.AddOptions<ApiOptions>().BindConfiguration(ApiOptions.Section).ValidateOnStart();
        services.AddSingleton<StreamPlaces>();
        services.AddSingleton<ClusterFeed>();
        services.AddSingleton<RunMetricsFiles>();
        services.Configure<Microsoft.AspNetCore.Server.Kestrel.Core.KestrelServerOptions>(kestrel => kestrel.Limits.MaxRequestBodySize = MostBodyBytes);
        Problems.AddTo(services);
        ApiDocument.AddTo(services);
    }

    public static void Map(WebApplication app)
    {
        app.UseExceptionHandler();
        app.UseStatusCodePages(); // what the framework refuses by itself gets problem details, too
        app.UseMiddleware<AccessGuard>();
        PageAssets.Map(app);
        ApiDocument.Map(app);

        var api = app.MapGroup("/api");
        ClusterRoutes.Map(api);
        RunRoutes.Map(api);
        NodeRoutes.Map(api);
        GenerationRoutes.Map(api);
    }

    /// <summary>Asks the actor that decides.</summary>
    /// <exception cref="AskTimeoutException">It did not answer in time: there is none just now.</exception>
    internal static Task<T> Ask<T>(this IRequiredActor<CoordinatorActor> coordinator, object question) =>
        coordinator.ActorRef.Ask<T>(question, _answerDeadline);

    /// <summary>Passes an order on; 202 with what will come of it, 404 for what is not there, 409 with the reason why nothing was done.</summary>
    internal static async Task<IResult> Order(this IRequiredActor<CoordinatorActor> coordinator, IClusterMessage order) =>
        await coordinator.Ask<SteeringAnswer>(order) switch
        {
            { Done: true } done => Results.Accepted(null, new OrderTaken(done.Id ?? "", done.Lines)),
            { Unknown: true } unknown => Problems.NotFound(string.Join(' ', unknown.Lines)),
            var refused => Problems.Conflict(string.Join(' ', refused.Lines)),
        };

    /// <summary>Takes a new job in: 201 with its id, 400 with every reason against it.</summary>
    internal static async Task<IResult> Submit(this IRequiredActor<CoordinatorActor> coordinator, object submit) =>
        await coordinator.Ask<object>(submit) switch
        {
            Accepted accepted => Results.Created((string?)null, accepted),
            Refused refused => Problems.BadRequest(refused),
            var other => throw new InvalidOperationException($"The Coordinator answered {submit.GetType().Name} with {other}."),
        };

    /// <summary>Who asks, for the log and the run's events.</summary>
    internal static string By(this HttpContext context) => string.Create(CultureInfo.InvariantCulture, $"HTTP {context.Connection.RemoteIpAddress}");
}
