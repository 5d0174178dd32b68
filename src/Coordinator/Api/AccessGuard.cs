using System.Net;
using Ganymede.Messages;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Primitives;

namespace Ganymede.Coordinator.Api;

/// <summary>
/// Stands before every route. A browser that a foreign site has turned on us is refused: by the name it was led here with (DNS
/// rebinding), and, if it wants to change something, by the site it comes from (cross-site requests). What changes something
/// needs the key, where there is one, and leaves a line in the log.
/// </summary>
public sealed partial class AccessGuard
{
    private const string Scheme = "Bearer ";
    private readonly RequestDelegate _next;
    private readonly ApiOptions _options;
    private readonly ApiKey? _key;
    private readonly ILogger<AccessGuard> _log;

    public AccessGuard(RequestDelegate next, IOptions<ApiOptions> options, ILogger<AccessGuard> log)
    {
        _next = next;
        _options = options.Value;
        _key = ApiKey.Load(_options, out _); // validated at start
        _log = log;
    }

    public async Task InvokeAsync(HttpContext context)
    {
        var request = context.Request;
        context.Response.Headers.XContentTypeOptions = "nosniff";
        context.Response.Headers["Cross-Origin-Resource-Policy"] = "same-origin";
        context.Response.Headers["Referrer-Policy"] = "no-referrer";
        context.Response.Headers.CacheControl = "no-store"; // unless a route knows better

        if (!request.Path.StartsWithSegments("/healthz") && !request.Path.StartsWithSegments("/metrics") && !IsOurName(request.Host))
        {
            await Refuse(context, StatusCodes.Status421MisdirectedRequest,
                $"'{request.Host}' is not a name of this Coordinator; Http:AllowedHosts lists those it answers to besides localhost and IP addresses.");
        }
        else if (HttpMethods.IsGet(request.Method) || HttpMethods.IsHead(request.Method))
        {
            await _next(context);
        }
        else if (ComesFromElsewhere(request))
        {
            await Refuse(context, StatusCodes.Status403Forbidden, "A page of another site must not change anything here.");
        }
        else if (_key is null && request.Headers.Origin.Count > 0 && !IsListed(request.Host))
        {
            await Refuse(context, StatusCodes.Status403Forbidden, "Without an API key browsers may change something only by an IP address, or by a name in Http:AllowedHosts.");
        }
        else if (_key is not null && !BringsKey(request.Headers.Authorization, _key))
        {
            context.Response.Headers.WWWAuthenticate = "Bearer realm=\"ganymede\"";
            await Refuse(context, StatusCodes.Status401Unauthorized, request.Headers.Authorization.Count == 0
                ? "This needs the API key, as 'Authorization: Bearer KEY'."
                : "That is not the API key.");
        }
        else
        {
            await _next(context);
            LogChange(_log, request.Method, request.Path, context.Connection.RemoteIpAddress, context.Response.StatusCode);
        }
    }

    /// <summary>
    /// A foreign site can have its own name resolved to our address, and is then the same origin for the browser. But the browser still
    /// sends that name. An address in its place was not led here by any name.
    /// </summary>
    private bool IsOurName(HostString host) =>
        // Beyond loopback it may have any name, if nobody listed them; the key keeps foreign hands off, or the list of names where there is none.
        IsListed(host) || (_options.AllowedHosts.Length == 0 && !_options.IsLoopback);

    private bool IsListed(HostString host)
    {
        var name = host.Host.TrimEnd('.');
        return string.Equals(name, "localhost", StringComparison.OrdinalIgnoreCase) || IPAddress.TryParse(name.Trim('[', ']'), out _)
            || _options.AllowedHosts.Contains(name, StringComparer.OrdinalIgnoreCase);
    }

    private static bool ComesFromElsewhere(HttpRequest request)
    {
        if (request.Headers["Sec-Fetch-Site"] is { Count: > 0 } site && site.ToString() is not ("same-origin" or "none"))
            return true;
        // The scheme may differ behind a proxy that speaks TLS; the name and the port may not.
        return request.Headers.Origin is { Count: > 0 } origin
            && !(Uri.TryCreate(origin.ToString(), UriKind.Absolute, out var from) && string.Equals(from.Authority, request.Host.ToString(), StringComparison.OrdinalIgnoreCase));
    }

    private static bool BringsKey(StringValues authorization, ApiKey key) =>
        authorization is [{ } only] && only.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase) && key.Is(only[Scheme.Length..].Trim());

    private async Task Refuse(HttpContext context, int status, string reason)
    {
        LogRefused(_log, context.Request.Method, context.Request.Path, context.Connection.RemoteIpAddress, status, reason);
        await Results.Problem(reason, statusCode: status).ExecuteAsync(context);
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "{Method} {Path} from {Address}: {Status}")]
    private static partial void LogChange(ILogger log, string method, PathString path, IPAddress? address, int status);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Refused {Method} {Path} from {Address}: {Status} {Reason}")]
    private static partial void LogRefused(ILogger log, string method, PathString path, IPAddress? address, int status, string reason);
}
