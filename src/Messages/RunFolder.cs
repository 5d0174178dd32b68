using System.Text.Json;
using Ganymede.Messages.Api;

namespace Ganymede.Messages;

/// <summary>A run's folder as whoever starts a run sees it: whether it can take a run, and what was asked for.</summary>
public static class RunFolder
{
    private const string RequestFile = "run.json";

    private static readonly JsonSerializerOptions Indented = new(ApiJson.Options) { WriteIndented = true };

    /// <summary>What only a folder that holds a run has.</summary>
    private static readonly string[] Traces = [RequestFile, "checkpoints", "ledger.jsonl"];

    /// <summary>Why the folder cannot be used; empty when it can. It is made if it is not there.</summary>
    /// <param name="option">What named the folder, for the message.</param>
    public static IEnumerable<string> Problems(string folder, bool resume, string option)
    {
        if (File.Exists(folder))
            return [$"{option} {folder}: a file, where a folder is expected."];
        if (!resume && Traces.FirstOrDefault(trace => Path.Exists(Path.Combine(folder, trace))) is { } trace)
            return [$"{option} {folder}: holds a run already ({trace}); continue it with --resume, or choose another folder."];
        return WritableProblem(folder, option) is { } problem ? [problem] : [];
    }

    /// <summary>Why nothing can be written to the folder; null when it can. It is made if it is not there.</summary>
    public static string? WritableProblem(string folder, string option)
    {
        try
        {
            Directory.CreateDirectory(folder);
            using (new FileStream(Path.Combine(folder, $".write-check-{Environment.ProcessId}"), FileMode.Create, FileAccess.Write, FileShare.None, 1, FileOptions.DeleteOnClose))
                return null;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            return $"{option} {folder}: cannot be written to: {error.Message}";
        }
    }

    /// <summary>Keeps what was asked for beside what comes of it.</summary>
    public static void WriteRequest(RunRequest request)
    {
        var path = Path.Combine(request.Folder, RequestFile);
        AtomicFile.Write(path, JsonSerializer.Serialize(request, Indented));
    }

    /// <summary>Puts back what was there before <see cref="WriteRequest"/>: nothing, or an earlier request.</summary>
    public static void TakeBackRequest(string folder, RunRequest? before)
    {
        if (before is not null)
            WriteRequest(before);
        else
            File.Delete(Path.Combine(folder, RequestFile));
    }

    /// <summary>Null where there is none, or none that can be read.</summary>
    public static RunRequest? ReadRequest(string folder)
    {
        try
        {
            return JsonSerializer.Deserialize<RunRequest>(File.ReadAllText(Path.Combine(folder, RequestFile)), ApiJson.Options);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or JsonException)
        {
            return null;
        }
    }
}
