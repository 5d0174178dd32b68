using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.Json.Nodes;

namespace Ganymede.Tests;

/// <summary>What <c>kubectl kustomize</c> makes of a folder of deploy/k8s.</summary>
internal sealed class Manifests(IReadOnlyList<JsonObject> documents)
{
    private static readonly ConcurrentDictionary<string, Manifests> _overlays = [];

    public IReadOnlyList<JsonObject> Documents { get; } = documents;

    /// <exception cref="Xunit.Sdk.SkipException">kubectl is not there.</exception>
    public static Manifests Render(string folder)
    {
        var start = new ProcessStartInfo("kubectl", ["kustomize", folder]) { RedirectStandardOutput = true, RedirectStandardError = true };
        Process process;
        try
        {
            process = Process.Start(start)!;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            Assert.Skip("kubectl is not installed, so the manifests cannot be rendered.");
            throw;
        }

        using (process)
        {
            var errors = process.StandardError.ReadToEndAsync();
            var text = process.StandardOutput.ReadToEnd();
            Assert.True(process.WaitForExit(TimeSpan.FromSeconds(30)) && process.ExitCode == 0, $"kubectl kustomize {folder}: {errors.Result}");
            return new Manifests(Yaml.Documents(text));
        }
    }

    /// <summary>Rendered once; nobody changes what comes out, but a copy of it (<see cref="With"/>).</summary>
    public static Manifests RenderOverlay(string name) => _overlays.GetOrAdd(name, _ => Render(Repository.File("deploy", "k8s", "overlays", name)));

    /// <summary>The same with one thing changed.</summary>
    public Manifests With(Action<Manifests> change)
    {
        var copy = new Manifests([.. Documents.Select(document => document.DeepClone().AsObject())]);
        change(copy);
        return copy;
    }

    public IEnumerable<JsonObject> OfKind(string kind) => Documents.Where(document => document.Text("kind") == kind);

    public JsonObject Get(string kind, string name) => OfKind(kind).Single(document => Name(document) == name);

    public static string Name(JsonObject document) => document.Text("metadata", "name") ?? "";

    public static string Id(JsonObject document) => $"{document.Text("kind")}/{Name(document)}";

    public IEnumerable<Workload> Workloads => OfKind("StatefulSet").Select(set => new Workload(this, set));
}

/// <summary>Ways into a JSON tree.</summary>
internal static class JsonPaths
{
    public static JsonNode? At(this JsonNode? node, params string[] path) => path.Aggregate(node, (inner, key) => (inner as JsonObject)?[key]);

    public static string? Text(this JsonNode? node, params string[] path) => node.At(path)?.ToString();

    /// <summary>A whole number; null for anything else.</summary>
    public static long? Number(this JsonNode? node, params string[] path) =>
        long.TryParse(node.Text(path), System.Globalization.NumberStyles.AllowLeadingSign, System.Globalization.CultureInfo.InvariantCulture, out var number) ? number : null;

    public static IEnumerable<JsonObject> List(this JsonNode? node, params string[] path) => (node.At(path) as JsonArray ?? []).OfType<JsonObject>();

    public static IReadOnlyDictionary<string, string> Map(this JsonNode? node, params string[] path) =>
        (node.At(path) as JsonObject ?? []).ToDictionary(entry => entry.Key, entry => entry.Value?.ToString() ?? "");

    public static bool IsPartOf(this IReadOnlyDictionary<string, string> selector, IReadOnlyDictionary<string, string> labels) =>
        selector.All(entry => labels.TryGetValue(entry.Key, out var value) && value == entry.Value);
}

/// <summary>Files of this repository.</summary>
internal static class Repository
{
    public static string Root { get; } = Find();

    public static string File(params string[] path) => System.IO.Path.Combine([Root, .. path]);

    private static string Find()
    {
        var folder = AppContext.BaseDirectory;
        while (!System.IO.File.Exists(System.IO.Path.Combine(folder, "Cluster.sln")))
            folder = System.IO.Path.GetDirectoryName(folder) ?? throw new InvalidOperationException("The tests do not lie in the repository.");
        return folder;
    }
}
