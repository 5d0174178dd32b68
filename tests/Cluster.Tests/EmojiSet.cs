using System.Diagnostics;
using System.Formats.Tar;
using System.IO.Compression;
using System.Text.Json;

namespace Ganymede.Tests;

/// <summary>
/// A real 64x64 set with a folder per class: Google's emoji (npm package emoji-datasource-google 16.0.0, Apache-2.0), by
/// category. Fetched with npm once and kept in the user's cache; without npm or its registry the tests that want it skip.
/// </summary>
internal static class EmojiSet
{
    private const string Package = "emoji-datasource-google@16.0.0";
    private static readonly TimeSpan _deadline = TimeSpan.FromMinutes(4);

    /// <summary>The folder; skips the calling test, with the reason, where it cannot be had.</summary>
    public static async Task<string> FolderOrSkip()
    {
        var cache = Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } set
            ? set
            : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache");
        var target = Path.Combine(cache, "ganymede", "test-data", "emoji-google-64");
        if (Directory.Exists(target))
            return target;

        using var work = new TemporaryFolder();
        var packed = await Pack(work.Path);
        var staging = target + $".{Environment.ProcessId}";
        Extract(packed, staging);
        Directory.Move(staging, target);
        return target;
    }

    private static async Task<string> Pack(string folder)
    {
        var start = new ProcessStartInfo("npm", ["pack", Package, "--silent"]) { WorkingDirectory = folder };
        try
        {
            var finished = await Command.RunAsync(start).WaitAsync(_deadline);
            if (finished.ExitCode == 0)
                return Directory.GetFiles(folder, "*.tgz").Single();
            Assert.Skip($"npm cannot fetch {Package}: {finished.Error.Trim()}");
        }
        catch (System.ComponentModel.Win32Exception)
        {
            Assert.Skip("npm is not installed, so the emoji set cannot be had.");
        }

        throw new UnreachableException();
    }

    private static void Extract(string packed, string target)
    {
        Dictionary<string, byte[]> images = [];
        byte[] index = [];
        using var archive = new TarReader(new GZipStream(File.OpenRead(packed), CompressionMode.Decompress));
        while (archive.GetNextEntry() is { } entry)
        {
            if (entry.Name == "package/emoji.json")
                index = Bytes(entry);
            else if (entry.Name.StartsWith("package/img/google/64/", StringComparison.Ordinal) && entry.Name.EndsWith(".png", StringComparison.Ordinal))
                images[Path.GetFileName(entry.Name)] = Bytes(entry);
        }

        foreach (var emoji in JsonDocument.Parse(index).RootElement.EnumerateArray())
        {
            var image = emoji.GetProperty("image").GetString()!;
            var category = new string([.. emoji.GetProperty("category").GetString()!.ToLowerInvariant().Where(c => char.IsAsciiLetter(c) || c == ' ')]);
            if (category == "component" || !images.TryGetValue(image, out var png))
                continue;
            var folder = Directory.CreateDirectory(Path.Combine(target, category.Replace("  ", " ", StringComparison.Ordinal).Replace(' ', '-')));
            File.WriteAllBytes(Path.Combine(folder.FullName, image), png);
        }
    }

    private static byte[] Bytes(TarEntry entry)
    {
        using var copy = new MemoryStream();
        entry.DataStream!.CopyTo(copy);
        return copy.ToArray();
    }
}
