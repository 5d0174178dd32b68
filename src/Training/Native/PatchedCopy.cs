using System.Security.Cryptography;

namespace Ganymede.Training;

/// <summary>Places a patched library where the loader can open it; the original is only ever read.</summary>
internal static class PatchedCopy
{
    /// <summary>$XDG_CACHE_HOME or ~/.cache, or null where there is neither.</summary>
    public static string? UserCacheFolder()
    {
        if (Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { } cache && Path.IsPathFullyQualified(cache))
            return cache;
        var home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile, Environment.SpecialFolderOption.DoNotVerify);
        return Path.IsPathFullyQualified(home) ? Path.Combine(home, ".cache") : null;
    }

    /// <summary>
    /// The path of a file with exactly <paramref name="patched"/> as content, in
    /// <c>ganymede/native/(SHA-256 of the original)/</c> under <paramref name="cacheFolder"/>. Safe when several processes do
    /// this at once: each writes a file of its own and renames it over, and all of them write the same bytes.
    /// </summary>
    public static string InCache(string cacheFolder, string fileName, byte[] original, byte[] patched)
    {
        var folder = Path.Combine(cacheFolder, "ganymede", "native", Convert.ToHexStringLower(SHA256.HashData(original)));
        var path = Path.Combine(folder, fileName);
        if (Holds(path, patched))
            return path;

        Directory.CreateDirectory(folder);
        var temporary = Path.Combine(folder, $".{fileName}.{Environment.ProcessId}.{Guid.NewGuid():N}");
        try
        {
            WriteFlushed(temporary, patched);
            File.Move(temporary, path, overwrite: true);
        }
        finally
        {
            File.Delete(temporary);
        }

        return path;
    }

    /// <summary>The same in a new private folder (mode 0700); the caller removes it once the library is loaded.</summary>
    public static string InTemporaryFolder(string fileName, byte[] patched)
    {
        var path = Path.Combine(Directory.CreateTempSubdirectory("ganymede-native-").FullName, fileName);
        WriteFlushed(path, patched);
        return path;
    }

    private static bool Holds(string path, byte[] content)
    {
        var file = new FileInfo(path);
        return file.Exists && file.Length == content.Length && File.ReadAllBytes(path).AsSpan().SequenceEqual(content);
    }

    private static void WriteFlushed(string path, byte[] content)
    {
        using var stream = new FileStream(path, FileMode.CreateNew, FileAccess.Write);
        stream.Write(content);
        stream.Flush(flushToDisk: true);
    }
}
