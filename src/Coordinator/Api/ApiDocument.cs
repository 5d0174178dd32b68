using Microsoft.AspNetCore.Mvc;
using Microsoft.OpenApi;

namespace Ganymede.Coordinator.Api;

/// <summary>The API's own description, OpenAPI 3.1 at <c>/openapi/v1.json</c>, made from the routes as they are.</summary>
public static class ApiDocument
{
    private const string KeyScheme = "apiKey";

    public static void AddTo(IServiceCollection services) => services.AddOpenApi("v1", options =>
    {
        options.AddDocumentTransformer((document, _, _) =>
        {
            document.Info = new OpenApiInfo
            {
                Title = "Ganymede Coordinator",
                Version = typeof(ApiDocument).Assembly.GetName().Version!.ToString(3),
                Description = "Starts, shows and steers training runs and generation jobs. What is not finite in a number is written as \"NaN\", \"Infinity\" or \"-Infinity\".",
                License = new OpenApiLicense { Name = "Apache-2.0", Url = new Uri("https://www.apache.org/licenses/LICENSE-2.0") },
            };
            document.Servers = [new OpenApiServer { Url = "/" }];
            document.Components ??= new OpenApiComponents();
            document.Components.SecuritySchemes ??= new Dictionary<string, IOpenApiSecurityScheme>();
            document.Components.SecuritySchemes[KeyScheme] = new OpenApiSecurityScheme
            {
                Type = SecuritySchemeType.Http, Scheme = "bearer", Description = "The API key, if the Coordinator has one (Http:ApiKeyFile).",
            };
            return Task.CompletedTask;
        });
        options.AddOperationTransformer((operation, context, _) =>
        {
            if (!HttpMethods.IsGet(context.Description.HttpMethod!))
                operation.Security = [new OpenApiSecurityRequirement { [new OpenApiSecuritySchemeReference(KeyScheme, context.Document)] = [] }];
            return Task.CompletedTask;
        });
    });

    public static void Map(IEndpointRouteBuilder routes) => routes.MapOpenApi();

    /// <summary>What the route is for, and what it answers.</summary>
    internal static RouteHandlerBuilder Describe<T>(this RouteHandlerBuilder route, string name, string summary, int status = StatusCodes.Status200OK) =>
        route.Describe(name, summary).Produces<T>(status);

    internal static RouteHandlerBuilder Describe(this RouteHandlerBuilder route, string name, string summary)
    {
        route.WithName(name).WithSummary(summary);
        route.Produces<ProblemDetails>(StatusCodes.Status503ServiceUnavailable, "application/problem+json");
        route.Add(endpoint =>
        {
            var (path, reads) = (((RouteEndpointBuilder)endpoint).RoutePattern.RawText!, endpoint.Metadata.OfType<HttpMethodMetadata>().All(methods => methods.HttpMethods.Contains("GET")));
            List<int> refusals = [];
            if (path.Contains('{'))
                refusals.Add(StatusCodes.Status404NotFound);
            if (!reads)
                refusals.AddRange([StatusCodes.Status401Unauthorized, StatusCodes.Status403Forbidden, path.Contains('{') ? StatusCodes.Status409Conflict : StatusCodes.Status400BadRequest]);
            foreach (var refusal in refusals)
                endpoint.Metadata.Add(new ProducesResponseTypeMetadata(refusal, typeof(ProblemDetails), ["application/problem+json"]));
        });
        return route;
    }

    /// <summary>It answers with server-sent events, each of which carries a <typeparamref name="T"/> as JSON.</summary>
    internal static RouteHandlerBuilder Streams<T>(this RouteHandlerBuilder route) => route.Produces<T>(StatusCodes.Status200OK, "text/event-stream");
}
