using System.Text.Json;
using Ganymede.Messages;
using Ganymede.Messages.Api;

namespace Ganymede.Cli;

/// <summary>Who keeps the cluster of a folder: <c>keeper.json</c>, there while it is up.</summary>
/// <param name="StartTicks">See <see cref="OwnProcess.StartTicks"/>.</param>
internal sealed record KeeperRecord(int Pid, long StartTicks, DateTimeOffset Since, int Nodes, IReadOnlyList<string> Devices, int Threads);

/// <summary>The folder of a local cluster that stays: its state, logs, and runs for which no other folder is named.</summary>
internal sealed class ClusterFolder(string path)
{
    public string Path { get; } = System.IO.Path.GetFullPath(path);

    /// <summary><c>$XDG_STATE_HOME/ganymede/cluster</c> or <c>~/.local/state/ganymede/cluster</c>.</summary>
    public static string Default => System.IO.Path.Combine(
        Environment.GetEnvironmentVariable("XDG_STATE_HOME") is { Length: > 0 } state
            ? state
            : System.IO.Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".local", "state"),
        "ganymede", "cluster");

    public string Logs => System.IO.Path.Combine(Path, "logs");

    public string Runs => System.IO.Path.Combine(Path, "runs");

    public string KeeperFile => System.IO.Path.Combine(Path, "keeper.json");

    private string EntriesFile => System.IO.Path.Combine(Path, LocalCluster.EntriesFile);

    /// <summary>Who keeps it, dead or alive; null when nobody does.</summary>
    public KeeperRecord? Keeper => Read<KeeperRecord>(KeeperFile);

    public IReadOnlyList<LocalCluster.ClusterEntry> Entries => Read<LocalCluster.ClusterEntry[]>(EntriesFile) ?? [];

    /// <summary>True while the one who keeps it lives.</summary>
    public bool IsUp => Keeper is { } keeper && OwnProcess.IsAlive(keeper.Pid, keeper.StartTicks);

    /// <summary>The Coordinator of the cluster that is up there.</summary>
    /// <exception cref="CannotConnectException">None is.</exception>
    public LocalCluster.ClusterEntry Coordinator => (IsUp ? Entries.FirstOrDefault(entry => entry.Role == ClusterHosting.CoordinatorRole) : null)
        ?? throw new CannotConnectException($"No cluster is up in {Path}; './ganymede up{(Path == System.IO.Path.GetFullPath(Default) ? "" : $" --folder {Path}")}' starts one.");

    /// <summary>Held by the one who keeps it for as long as it lives; null if somebody holds it already.</summary>
    public FileStream? TryLock()
    {
        Directory.CreateDirectory(Logs);
        try
        {
            return new FileStream(System.IO.Path.Combine(Path, "cluster.lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException)
        {
            return null;
        }
    }

    public void Write(KeeperRecord keeper) => AtomicFile.Write(KeeperFile, JsonSerializer.Serialize(keeper, ApiJson.Options));

    /// <summary>Nothing is up any more.</summary>
    public void Clear()
    {
        File.Delete(KeeperFile);
        File.Delete(EntriesFile);
    }

    private static T? Read<T>(string path) where T : class
    {
        try
        {
            return JsonSerializer.Deserialize<T>(File.ReadAllText(path), ApiJson.Options);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or JsonException)
        {
            return null;
        }
    }
}
