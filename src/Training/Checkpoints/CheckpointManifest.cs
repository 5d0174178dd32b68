using System.Reflection;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.RegularExpressions;
using TorchSharp;

namespace Ganymede.Training;

/// <summary>A file of a checkpoint as its manifest records it.</summary>
internal sealed record CheckpointFile(string Name, long Length, string Sha256);

/// <summary><c>manifest.json</c>: what the checkpoint is of, and the length and hash of each of its files.</summary>
internal sealed partial record CheckpointManifest(CheckpointInfo Info, IReadOnlyList<CheckpointFile> Files)
{
    public const string FileName = "manifest.json";
    private const int FormatVersion = 1;

    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Strict)
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase, WriteIndented = true, NewLine = "\n", MaxDepth = 16,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, // class names stay readable; nobody puts this file into a web page
    };

    /// <summary>The file, property by property. Strict: each must be there, none more, none null unless it says so.</summary>
    private sealed record Document(
        int FormatVersion, long Step, long NextSample, ulong Seed, string DataSha256, string WeightsSha256,
        IReadOnlyList<string> Classes, IReadOnlyDictionary<string, double?> Metrics, JsonElement Preset,
        IReadOnlyList<CheckpointFile> Files, IReadOnlyDictionary<string, string> Libraries);

    public byte[] ToJson()
    {
        using var preset = JsonDocument.Parse(Info.Preset.ToJson());
        var metrics = Info.Metrics.OrderBy(metric => metric.Key, StringComparer.Ordinal)
            .ToDictionary(metric => metric.Key, metric => double.IsFinite(metric.Value) ? metric.Value : (double?)null);
        return JsonSerializer.SerializeToUtf8Bytes(new Document(
            FormatVersion, Info.Step, Info.NextSample, Info.Seed, Info.DataSha256, Info.WeightsSha256,
            Info.Classes, metrics, preset.RootElement, Files, Libraries()), Json);
    }

    /// <exception cref="CheckpointException">Not a manifest of this version, or one with impossible values.</exception>
    public static CheckpointManifest Parse(ReadOnlySpan<byte> json, string source)
    {
        try
        {
            var document = JsonSerializer.Deserialize<Document>(json, Json) ?? throw new InvalidDataException("it is empty");
            return document.FormatVersion == FormatVersion
                ? FromDocument(document)
                : throw new InvalidDataException($"format version {document.FormatVersion} is unknown, this program reads {FormatVersion}");
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException or InvalidDataException or PresetException)
        {
            throw new CheckpointException($"{source} is not a usable manifest: {error.Message.ReplaceLineEndings(" ")}", error);
        }
    }

    private static CheckpointManifest FromDocument(Document document)
    {
        Require(document.Step >= 0, "step is negative");
        Require(document.NextSample >= 0, "nextSample is negative");
        Require(Hash().IsMatch(document.DataSha256), "dataSha256 is not a hash");
        Require(Hash().IsMatch(document.WeightsSha256), "weightsSha256 is not a hash");
        Require(document.Classes.All(name => !string.IsNullOrEmpty(name)), "a class has no name");
        foreach (var file in document.Files)
        {
            // STJ does not look into collections for nulls.
            Require(file is { Length: >= 0 } && Hash().IsMatch(file.Sha256), "a file has an impossible length or hash");
        }

        return new CheckpointManifest(
            new CheckpointInfo
            {
                Step = document.Step,
                NextSample = document.NextSample,
                Preset = Preset.FromJson(document.Preset.GetRawText()),
                Seed = document.Seed,
                DataSha256 = document.DataSha256,
                Classes = document.Classes,
                Metrics = document.Metrics.ToDictionary(metric => metric.Key, metric => metric.Value ?? double.NaN),
                WeightsSha256 = document.WeightsSha256,
            },
            document.Files);
    }

    private static void Require(bool condition, string fault)
    {
        if (!condition)
            throw new InvalidDataException(fault);
    }

    /// <summary>For whoever looks into a checkpoint years later; reading ignores them.</summary>
    private static Dictionary<string, string> Libraries() => new()
    {
        ["ganymede"] = VersionOf(typeof(CheckpointManifest).Assembly),
        ["torchSharp"] = VersionOf(typeof(torch).Assembly),
        ["dotnet"] = Environment.Version.ToString(),
    };

    private static string VersionOf(Assembly assembly) =>
        assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "unknown";

    [GeneratedRegex(@"^[0-9a-f]{64}\z")]
    private static partial Regex Hash();
}
