using System.Text.Json;
using Ganymede.Messages;
using Ganymede.Messages.Api;

namespace Ganymede.Coordinator.Runs;

/// <summary>
/// What a Coordinator must know of a run besides what its members report, kept in the run's folder, so that another one can take
/// it over: <c>coordinator.json</c>.
/// </summary>
public sealed record RunRecord(string Run, RunRequest Request, string PackSha256, long PackBytes)
{
    private const string FileName = "coordinator.json";

    /// <summary>Who paused the run; null while it is not paused.</summary>
    public string? PausedBy { get; init; }

    /// <summary>The newest view that was issued; 0 before the first.</summary>
    public long View { get; init; }

    /// <summary>The newest view of the calls that this one resumes: its views go on from there, as the ledger and the flight records do.</summary>
    public long ViewsBefore { get; init; }

    /// <summary>There whole or not at all.</summary>
    public void Write() => AtomicFile.Write(Path.Combine(Request.Folder, FileName), JsonSerializer.Serialize(this, ApiJson.Options));

    /// <summary>The record of whichever run is in that folder; null where there is none.</summary>
    public static RunRecord? Read(string folder)
    {
        try
        {
            return JsonSerializer.Deserialize<RunRecord>(File.ReadAllText(Path.Combine(folder, FileName)), ApiJson.Options);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or JsonException or ArgumentException)
        {
            return null;
        }
    }

    /// <summary>The record of that run in that folder; null where there is none, or it is another run's.</summary>
    public static RunRecord? Find(ActiveRun run)
    {
        var record = Read(run.Folder);
        return record?.Run == run.Run.Value && record.Request.Folder == run.Folder && record.Request.Problems().Count == 0 ? record : null;
    }
}
