using System.Text.Json;

namespace Ganymede.Tests;

/// <summary>Runs <c>ganymede … --json</c> on a cluster of real processes and reads what it printed.</summary>
internal static class Run
{
    /// <summary>Trains the reference job on a cluster of its own: cgan-32, V = 4, batch 64, seed 7.</summary>
    public static Task<JsonElement> Reference(TemporaryFolder folder, string name, int steps, params string[] more) =>
        Json(folder, ReferenceJob(folder, name, steps, more));

    /// <summary>The same on the <see cref="StandingCluster"/>.</summary>
    public static Task<JsonElement> Quiet(TemporaryFolder folder, string name, int steps, params string[] more) =>
        Submitted(folder, ReferenceJob(folder, name, steps, more));

    /// <summary>The one JSON object of a command that must succeed, its job done by the <see cref="StandingCluster"/>.</summary>
    public static async Task<JsonElement> Submitted(TemporaryFolder folder, params string[] arguments) =>
        await Json(folder, [.. arguments, .. await StandingCluster.Options()]);

    /// <summary>The reference job with a variable in the environment of the command and of its cluster.</summary>
    public static Task<JsonElement> Reference(TemporaryFolder folder, string name, int steps, (string Name, string Value) variable, params string[] more) =>
        Json(folder, ReferenceJob(folder, name, steps, more), variable);

    private static string[] ReferenceJob(TemporaryFolder folder, string name, int steps, string[] more) =>
        ["train", "--preset", "cgan-32", "--steps", $"{steps}", "--shards", "4", .. more.Contains("--batch") ? Array.Empty<string>() : ["--batch", "64"],
            .. more.Contains("--seed") ? Array.Empty<string>() : ["--seed", "7"], "--out", folder[name], "--json", .. more];

    /// <summary>The one JSON object of a command that must succeed.</summary>
    public static Task<JsonElement> Json(TemporaryFolder folder, params string[] arguments) => Json(folder, arguments, variable: null);

    private static async Task<JsonElement> Json(TemporaryFolder folder, string[] arguments, (string Name, string Value)? variable)
    {
        var start = Command.StartInfo(folder.Path, arguments);
        if (variable is var (name, value))
            start.Environment[name] = value;
        var finished = await Command.RunAsync(start);
        Assert.True(finished.ExitCode == 0, $"ganymede {string.Join(' ', arguments)} ended with {finished.ExitCode}:\n{finished.Error}");
        return JsonDocument.Parse(finished.Output).RootElement;
    }

    public static string Weights(this JsonElement result) => result.GetProperty("weightsSha256").GetString()!;

    public static JsonElement[] Lines(string path) => [.. File.ReadLines(path).Select(line => JsonDocument.Parse(line).RootElement)];
}
