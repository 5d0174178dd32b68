using System.Text.Json;
using System.Text.Json.Serialization;

namespace Ganymede.Storage;

/// <summary>
/// <c>.job.json</c> in a set's folder: which job the folder belongs to, and once that is finished its number of units.
/// </summary>
internal sealed record JobFile(string Job, long? Units = null)
{
    public const string FileName = ".job.json";

    private static readonly JsonSerializerOptions Options = new(JsonSerializerDefaults.Web)
    {
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    };

    /// <summary>The folder's job, or null if it has none.</summary>
    /// <exception cref="StorageException">The file cannot be read or is damaged.</exception>
    public static JobFile? Read(string folder)
    {
        var path = Path.Combine(folder, FileName);
        try
        {
            return JsonSerializer.Deserialize<JobFile>(File.ReadAllBytes(path), Options) is { Job: not null } job
                ? job
                : throw new StorageException($"Cannot use {path}: it names no job.");
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
        catch (JsonException e)
        {
            throw new StorageException($"Cannot use {path}: it is damaged.", e);
        }
        catch (Exception e) when (StorageException.IsExpected(e))
        {
            throw StorageException.For("read", path, e);
        }
    }

    /// <summary>Writes the file whole. Without <paramref name="overwrite"/> an IOException says that it exists already.</summary>
    public void Write(string folder, bool overwrite)
    {
        var path = Path.Combine(folder, FileName);
        var temporary = $"{path}.{Guid.NewGuid():N}.tmp";
        try
        {
            File.WriteAllBytes(temporary, JsonSerializer.SerializeToUtf8Bytes(this, Options));
            File.Move(temporary, path, overwrite);
        }
        finally
        {
            File.Delete(temporary);
        }
    }
}
