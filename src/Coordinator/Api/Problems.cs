using Akka.Actor;
using Ganymede.Messages.Api;
using Microsoft.AspNetCore.Diagnostics;

namespace Ganymede.Coordinator.Api;

/// <summary>Errors as problem details (RFC 9457): every answer that is not a success says in <c>detail</c> what is wrong, and what helps.</summary>
public static class Problems
{
    public static IResult NotFound(string detail) => Results.Problem(detail, statusCode: StatusCodes.Status404NotFound);

    public static IResult Conflict(string detail) => Results.Problem(detail, statusCode: StatusCodes.Status409Conflict);

    /// <summary>What was asked for is refused: every reason in <c>problems</c>.</summary>
    public static IResult BadRequest(Refused refused) => Results.Problem(
        string.Join(' ', refused.Problems), statusCode: StatusCodes.Status400BadRequest,
        extensions: new Dictionary<string, object?> { ["problems"] = refused.Problems });

    public static void AddTo(IServiceCollection services)
    {
        services.AddProblemDetails();
        services.AddExceptionHandler<Handler>();
        services.Configure<RouteHandlerOptions>(routes => routes.ThrowOnBadRequest = true); // to say what is wrong with a body, not just that it is
    }

    private sealed class Handler(IProblemDetailsService problems) : IExceptionHandler
    {
        public async ValueTask<bool> TryHandleAsync(HttpContext context, Exception exception, CancellationToken cancellationToken)
        {
            if (context.RequestAborted.IsCancellationRequested)
                return true; // nobody is there to read an answer
            var (status, detail) = exception switch
            {
                BadHttpRequestException bad => (bad.StatusCode, bad.InnerException is { } inner ? $"{bad.Message} {inner.Message}" : bad.Message),
                AskTimeoutException => (StatusCodes.Status503ServiceUnavailable, "The Coordinator is not ready: it is starting, stopping or handing over. Ask again in a few seconds."),
                _ => (0, ""),
            };
            if (status == 0)
                return false; // logged, and answered with 500
            context.Response.StatusCode = status;
            await problems.WriteAsync(new ProblemDetailsContext { HttpContext = context, ProblemDetails = { Status = status, Detail = detail } });
            return true;
        }
    }
}
