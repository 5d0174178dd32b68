using Ganymede.Collectives;
using Ganymede.Datasets;
using Ganymede.Messages;

namespace Ganymede.GpuNode;

/// <summary>Packed data sets on this node's disk, by hash. Several nodes of one machine may share the folder.</summary>
public sealed class PackCache(string folder, DataPlane dataPlane)
{
    public static string DefaultFolder =>
        Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } cache
            ? Path.Combine(cache, "ganymede")
            : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache", "ganymede");

    /// <summary>The pack of that hash, fetched from the Coordinator unless a good copy is here. Blocks.</summary>
    /// <exception cref="BadDataException">What was served is not what was announced.</exception>
    public (ImagePack Pack, bool WasCached) Load(PackLocation location, CancellationToken cancel)
    {
        var path = Path.Combine(folder, "packs", $"{location.Sha256}.pack");
        if (File.Exists(path))
        {
            try
            {
                return (PackFile.Read(path, location.Sha256), true);
            }
            catch (BadDataException)
            {
                File.Delete(path); // a copy gone bad on disk: fetch it again
            }
        }

        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        dataPlane.FetchAsync(location.Host, location.Port, location.Sha256, path, location.Sha256, location.Bytes, progress: null, cancel).GetAwaiter().GetResult();
        return (PackFile.Read(path, location.Sha256), false);
    }
}
