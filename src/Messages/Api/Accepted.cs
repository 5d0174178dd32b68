using System.Text.Json;
using System.Text.Json.Serialization;

namespace Ganymede.Messages.Api;

/// <summary>Answer to a POST that was taken: the id to follow at <c>/api/{runs|generations}/{id}/events</c> and to stop at <c>…/stop</c>.</summary>
public sealed record Accepted(string Id);

/// <summary>What a POST that was not taken says beside the rest of its problem details: every reason, one line each.</summary>
public sealed record Refused(IReadOnlyList<string> Problems);

/// <summary>An entry of GET /api/nodes.</summary>
public sealed record NodeStatus(string Node, string DataAddress, IReadOnlyList<string> Devices, int ThreadsPerReplica, int ProcessId)
{
    /// <summary>Akka address of its process.</summary>
    public string Akka { get; init; } = "";

    /// <summary><c>free</c>, <c>drained</c>, or what it is in its run: <c>preparing</c>, <c>training</c>, <c>paused</c>, <c>joining</c>, <c>leaving</c>, …</summary>
    public string State { get; init; } = "";

    /// <summary>Who drained it; null if nobody did.</summary>
    public string? DrainedBy { get; init; }

    /// <summary>The run it is in; null for none.</summary>
    public string? Run { get; init; }

    /// <summary>Its part in that run: shards, step, speed, memory.</summary>
    public MemberDescription? Member { get; init; }

    public DateTimeOffset? Registered { get; init; }

    /// <summary>The cluster's failure detector hears nothing of its process; it may train on for all that.</summary>
    public bool Unreachable { get; init; }
}

/// <summary>GET /api/nodes/NODE/ping: the node's answer.</summary>
/// <param name="Seconds">From the question to the answer.</param>
public sealed record NodePing(string Node, double Seconds);

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
