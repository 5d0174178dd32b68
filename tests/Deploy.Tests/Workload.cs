using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Configuration;

namespace Ganymede.Tests;

/// <summary>A StatefulSet, and the pods it makes.</summary>
internal sealed partial class Workload(Manifests all, JsonObject set)
{
    public string Name { get; } = Manifests.Name(set);

    public JsonObject Set { get; } = set;

    public int Replicas { get; } = (int)(set.Number("spec", "replicas") ?? 1);

    public JsonObject Pod { get; } = set.At("spec", "template", "spec")!.AsObject();

    public JsonObject Container { get; } = set.At("spec", "template", "spec").List("containers").Single();

    public IReadOnlyDictionary<string, string> Labels { get; } = set.Map("spec", "template", "metadata", "labels");

    public IEnumerable<string> PodNames => Enumerable.Range(0, Replicas).Select(number => string.Create(CultureInfo.InvariantCulture, $"{Name}-{number}"));

    public IReadOnlyDictionary<string, int> Ports { get; } =
        set.At("spec", "template", "spec").List("containers").Single().List("ports").ToDictionary(port => port.Text("name") ?? "", port => (int)(port.Number("containerPort") ?? 0));

    /// <summary>The project whose program the container runs, such as <c>GpuNode</c>; null if the command is another.</summary>
    public string? Program => Container.At("command") is JsonArray { Count: 2 } command && command[0]!.ToString() == "dotnet"
        && Assembly().Match(command[1]!.ToString()) is { Success: true } match ? match.Groups[1].Value : null;

    /// <summary>Environment of a pod's container, in Kubernetes' order: what is given later wins, $(NAME) stands for what was given before.</summary>
    public Dictionary<string, string> Environment(string podName)
    {
        Dictionary<string, string> environment = [];
        foreach (var from in Container.List("envFrom"))
        {
            foreach (var (name, value) in all.OfKind("ConfigMap").FirstOrDefault(map => Manifests.Name(map) == from.Text("configMapRef", "name")).Map("data"))
                environment[name] = value;
        }

        foreach (var variable in Container.List("env"))
        {
            environment[variable.Text("name")!] = variable.Text("valueFrom", "fieldRef", "fieldPath") switch
            {
                "metadata.name" => podName,
                null => Reference().Replace(variable.Text("value") ?? "", match => environment.GetValueOrDefault(match.Groups[1].Value, match.Value)),
                var other => throw new NotSupportedException(other),
            };
        }

        return environment;
    }

    /// <summary>What the program reads in a pod, as it reads it.</summary>
    public IConfiguration Configuration(string podName) => new ConfigurationBuilder().AddInMemoryCollection(
        Environment(podName).Where(variable => variable.Key.StartsWith("GANYMEDE__", StringComparison.OrdinalIgnoreCase))
            .Select(variable => KeyValuePair.Create(variable.Key["GANYMEDE__".Length..].Replace("__", ":", StringComparison.Ordinal), (string?)variable.Value))).Build();

    [GeneratedRegex(@"^/app/Ganymede\.(\w+)\.dll$")]
    private static partial Regex Assembly();

    [GeneratedRegex(@"\$\((\w+)\)")]
    private static partial Regex Reference();
}
