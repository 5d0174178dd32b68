using System.Text.Json;
using System.Text.Json.Serialization;

namespace Ganymede.Messages.Api;

/// <summary>Answer to a POST that was taken: the id to follow at <c>/api/{runs|generations}/{id}/events</c> and to stop at <c>…/stop</c>.</summary>
public sealed record Accepted(string Id);

/// <summary>Answer to a POST that was not taken (status 400 or 404): every reason, one line each.</summary>
public sealed record Refused(IReadOnlyList<string> Problems);

/// <summary>GET /api/nodes.</summary>
public sealed record NodeStatus(string Node, string DataAddress, IReadOnlyList<string> Devices, int ThreadsPerReplica, int ProcessId);

/// <summary>How the HTTP API writes JSON: camelCase, enums by name.</summary>
public static class ApiJson
{
    public static readonly JsonSerializerOptions Options = Configure(new JsonSerializerOptions(JsonSerializerDefaults.Web));

    public static JsonSerializerOptions Configure(JsonSerializerOptions options)
    {
        options.NumberHandling |= JsonNumberHandling.AllowNamedFloatingPointLiterals; // a loss may be NaN, and that has to be told
        options.RespectNullableAnnotations = true;
        options.Converters.Add(new JsonStringEnumConverter(JsonNamingPolicy.CamelCase));
        options.Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping;
        return options;
    }
}
