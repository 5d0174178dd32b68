namespace Ganymede.Training;

/// <summary>Which C++ standard library this process runs on.</summary>
internal static class LibStdCxx
{
    private const string Prefix = "GLIBCXX_";

    /// <summary>The newest GLIBCXX symbol version of the loaded libstdc++ (the runtime itself needs one), or null if unknown.</summary>
    public static string? NewestVersion()
    {
        try
        {
            return Path() is { } path ? Newest(new ElfImage(File.ReadAllBytes(path)).DefinedVersions()) : null;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            return null;
        }
    }

    internal static string? Newest(IEnumerable<string> versions) => versions
        .Where(version => version.StartsWith(Prefix, StringComparison.Ordinal))
        .Select(version => (version, Number: Version.TryParse(version[Prefix.Length..], out var number) ? number : null))
        .Where(entry => entry.Number is not null)
        .MaxBy(entry => entry.Number).version;

    private static string? Path() => !OperatingSystem.IsLinux() ? null : File.ReadLines("/proc/self/maps")
        .Where(line => line.Contains("/libstdc++.so", StringComparison.Ordinal))
        .Select(line => line[line.IndexOf('/', StringComparison.Ordinal)..])
        .FirstOrDefault();
}
