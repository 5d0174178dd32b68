using System.Text.Json.Nodes;
using NJsonSchema;
using NJsonSchema.Validation;

namespace Ganymede.Tests;

/// <summary>
/// The API's own schema (Kubernetes 1.36, the kinds used here, without descriptions; Prometheus operator for two more), made strict: a field that it does
/// not know is a fault.
/// </summary>
internal static class KubernetesSchema
{
    private static readonly Dictionary<(string Version, string Kind), JsonSchema> _schemas = Load();

    public static IEnumerable<string> Problems(JsonObject document)
    {
        var key = (document.Text("apiVersion") ?? "", document.Text("kind") ?? "");
        return _schemas.TryGetValue(key, out var schema)
            ? schema.Validate(document.ToJsonString()).SelectMany(Leaves).Select(error => $"{Manifests.Id(document)}: {error.Path}: {error.Kind}")
            : [$"{Manifests.Id(document)}: kind {key} is unknown"];
    }

    private static Dictionary<(string, string), JsonSchema> Load()
    {
        Dictionary<(string, string), JsonSchema> schemas = [];
        var definitions = Read("kubernetes-1.36.json")["definitions"]!.AsObject();
        Tighten(definitions);
        foreach (var (name, definition) in definitions)
        {
            foreach (var kind in definition.List("x-kubernetes-group-version-kind"))
            {
                var group = kind.Text("group") is { Length: > 0 } given ? given + "/" : "";
                schemas[(group + kind.Text("version"), kind.Text("kind")!)] = Parse(new JsonObject
                {
                    ["$ref"] = $"#/definitions/{name}",
                    ["definitions"] = new JsonObject(Needed(definitions, name).Select(needed => KeyValuePair.Create(needed, definitions[needed]?.DeepClone()))),
                });
            }
        }

        foreach (var (file, kind) in new[] { ("podmonitor_v1.json", "PodMonitor"), ("prometheusrule_v1.json", "PrometheusRule") })
        {
            var schema = Read(file);
            Tighten(schema);
            schemas[("monitoring.coreos.com/v1", kind)] = Parse(schema);
        }

        return schemas;
    }

    /// <summary>A definition and all that it refers to: NJsonSchema finds no reference from a definition that is not itself referred to.</summary>
    private static HashSet<string> Needed(JsonObject definitions, string name)
    {
        HashSet<string> needed = [name];
        Stack<JsonNode?> open = new([definitions[name]]);
        while (open.TryPop(out var node))
        {
            if (node is JsonArray list)
                foreach (var inner in list)
                    open.Push(inner);
            if (node is not JsonObject schema)
                continue;
            foreach (var (_, inner) in schema)
                open.Push(inner);
            if (schema["$ref"] is JsonValue reference && reference.ToString().Replace("#/definitions/", "", StringComparison.Ordinal) is var found && needed.Add(found))
                open.Push(definitions[found]);
        }

        return needed;
    }

    /// <summary>Only fields that are named.</summary>
    private static void Tighten(JsonNode? node)
    {
        if (node is JsonObject schema)
        {
            if (schema["properties"] is JsonObject)
                schema["additionalProperties"] ??= false;
            foreach (var (_, inner) in schema.ToArray())
                Tighten(inner);
        }
        else if (node is JsonArray list)
        {
            foreach (var inner in list)
                Tighten(inner);
        }
    }

    private static JsonSchema Parse(JsonObject schema) => JsonSchema.FromJsonAsync(schema.ToJsonString()).GetAwaiter().GetResult();

    private static JsonObject Read(string resource)
    {
        using var stream = typeof(KubernetesSchema).Assembly.GetManifestResourceStream(resource)!;
        return JsonNode.Parse(stream)!.AsObject();
    }

    private static IEnumerable<ValidationError> Leaves(ValidationError error) =>
        error is ChildSchemaValidationError child ? child.Errors.SelectMany(inner => inner.Value).SelectMany(Leaves) : [error];
}
