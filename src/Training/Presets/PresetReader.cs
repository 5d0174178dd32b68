using System.Text;
using System.Text.Json;

namespace Ganymede.Training;

/// <summary>Finds a preset, reads it, applies overrides and checks the whole; all problems are reported together.</summary>
internal static class PresetReader
{
    private const string ResourcePrefix = "Presets/", Extension = ".json";
    private const int LongestFileBytes = 1 << 20;

    private static readonly JsonDocumentOptions Options = new()
    {
        CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true, AllowDuplicateProperties = false, MaxDepth = 8,
    };

    public static IReadOnlyList<string> Names { get; } =
    [
        .. typeof(PresetReader).Assembly.GetManifestResourceNames()
            .Where(name => name.StartsWith(ResourcePrefix, StringComparison.Ordinal) && name.EndsWith(Extension, StringComparison.Ordinal))
            .Select(name => name[ResourcePrefix.Length..^Extension.Length])
            .Order(StringComparer.Ordinal),
    ];

    public static Preset Load(string nameOrPath, IEnumerable<string> overrides)
    {
        var problems = new List<string>();
        var preset = Fill(TextOf(nameOrPath), nameOrPath, problems);
        foreach (var setting in overrides)
            preset = Override(preset, setting, problems);
        return Whole(preset, problems);
    }

    public static Preset FromJson(string json, string source)
    {
        var problems = new List<string>();
        return Whole(Fill(json, source, problems), problems);
    }

    private static Preset Whole(Preset preset, List<string> problems)
    {
        // Rules speak of values, and a value that could not be read would break them for no fault of its own.
        if (problems.Count == 0)
            problems.AddRange(PresetRules.Broken(preset));
        return problems.Count == 0 ? preset : throw new PresetException(string.Join("; ", problems));
    }

    private static string TextOf(string nameOrPath)
    {
        if (nameOrPath.Contains('/') || nameOrPath.EndsWith(Extension, StringComparison.OrdinalIgnoreCase))
            return TextOfFile(nameOrPath);
        using var stream = typeof(PresetReader).Assembly.GetManifestResourceStream(ResourcePrefix + nameOrPath + Extension)
            ?? throw new PresetException($"preset {nameOrPath} is unknown{Spelling.DidYouMean(nameOrPath, Names)}; presets: "
                + $"{string.Join(", ", Names)}, or the path of a .json file");
        return new StreamReader(stream, Encoding.UTF8).ReadToEnd();
    }

    private static string TextOfFile(string path)
    {
        try
        {
            if (new FileInfo(path) is { Exists: true, Length: > LongestFileBytes })
                throw new PresetException($"preset file {path} is longer than {LongestFileBytes} bytes");
            return File.ReadAllText(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw new PresetException($"preset file {path} cannot be read: {error.Message}");
        }
    }

    private static Preset Fill(string json, string source, List<string> problems)
    {
        try
        {
            using var document = JsonDocument.Parse(json, Options);
            return document.RootElement.ValueKind == JsonValueKind.Object
                ? Fill(document.RootElement, source, problems)
                : throw new PresetException($"{source} is not a JSON preset: it must be an object");
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            // InvalidOperationException: half of a surrogate pair, which only reading a string finds.
            throw new PresetException($"{source} is not a JSON preset: {error.Message.ReplaceLineEndings(" ")}");
        }
    }

    private static Preset Fill(JsonElement root, string source, List<string> problems)
    {
        var values = new Dictionary<string, JsonElement>(StringComparer.Ordinal);
        Flatten(root, "", values);

        var preset = new Preset();
        foreach (var key in PresetKeys.All)
        {
            if (values.Remove(key.Name, out var value))
                preset = Attempt(preset, p => key.Read(p, value), problems);
            else if (!key.Optional)
                problems.Add($"{source} lacks {key.Name} (allowed: {key.Allowed})");
        }

        problems.AddRange(values.Keys.Select(Unknown));
        return preset;
    }

    private static void Flatten(JsonElement node, string prefix, Dictionary<string, JsonElement> values)
    {
        foreach (var property in node.EnumerateObject())
        {
            var name = prefix + property.Name;
            if (property.Value.ValueKind == JsonValueKind.Object)
                Flatten(property.Value, name + ".", values);
            else if (!values.TryAdd(name, property.Value))
                throw new PresetException($"{name} is given twice");
        }
    }

    private static Preset Override(Preset preset, string setting, List<string> problems)
    {
        var split = setting.IndexOf('=', StringComparison.Ordinal);
        if (split < 0)
        {
            problems.Add($"--set {setting} must be key=value");
            return preset;
        }

        var (name, value) = (setting[..split].Trim(), setting[(split + 1)..].Trim());
        if (PresetKeys.All.FirstOrDefault(key => key.Name == name) is { } key)
            return Attempt(preset, p => key.Read(p, value), problems);
        problems.Add(Unknown(name));
        return preset;
    }

    private static string Unknown(string name) =>
        $"key {name} is unknown{Spelling.DidYouMean(name, PresetKeys.All.Select(key => key.Name))}";

    private static Preset Attempt(Preset preset, Func<Preset, Preset> read, List<string> problems)
    {
        try
        {
            return read(preset);
        }
        catch (PresetException error)
        {
            problems.Add(error.Message);
            return preset;
        }
    }
}
