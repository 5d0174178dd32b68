using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using TorchSharp;

namespace Ganymede.Training;

/// <summary>
/// Loads TorchSharp's native library, also on Linux systems whose libstdc++ is older than GCC 13's (Debian 12, Ubuntu 22.04,
/// RHEL 9). There the loader refuses it over one symbol version that no code uses, so a copy with that version marked weak is
/// loaded instead. The package cache and the output folder stay as they are; newer systems load the original.
/// </summary>
public static class NativeBackend
{
    private const string Library = "LibTorchSharp", FileName = "libLibTorchSharp.so", MissingVersion = "GLIBCXX_3.4.32";
    private static readonly Lazy<Outcome> Loaded = new(Load);

    private sealed record Outcome(nint Handle, string Path, bool Patched, string? Problem = null, string? Cure = null);

    /// <summary>Loads the native library now, on any thread; later calls cost nothing.</summary>
    /// <exception cref="NativeBackendException">It cannot be loaded; the message says why and what helps.</exception>
    public static void EnsureLoaded()
    {
        if (Loaded.Value is { Problem: { } problem } outcome)
            throw new NativeBackendException($"{problem}. {outcome.Cure}");
    }

    /// <summary>What was loaded, or why not and what helps. Never throws.</summary>
    public static NativeBackendReport Describe()
    {
        var outcome = Loaded.Value;
        return new(outcome.Problem is null, LibStdCxx.NewestVersion() ?? "unknown",
            outcome.Path, outcome.Patched, outcome.Problem, outcome.Cure);
    }

    [ModuleInitializer]
    [SuppressMessage("Usage", "CA2255", Justification =
        "TorchSharp loads its library on first use from any code; only a resolver set before that can step in.")]
    internal static void Register()
    {
        if (!OperatingSystem.IsLinux())
            return;
        try
        {
            NativeLibrary.SetDllImportResolver(typeof(torch).Assembly, Resolve);
        }
        catch (InvalidOperationException)
        {
            // The host program has set a resolver of its own: it decides.
        }
    }

    private static nint Resolve(string name, Assembly assembly, DllImportSearchPath? search)
    {
        if (name != Library)
            return 0;
        EnsureLoaded();
        return Loaded.Value.Handle;
    }

    private static Outcome Load()
    {
        if (!OperatingSystem.IsLinux())
            return new(0, Library, Patched: false);
        try
        {
            return LoadOnLinux();
        }
        catch (Exception error) when (IsOfLoading(error))
        {
            return new(0, FileName, false, error.Message.TrimEnd('.'), "Restore the packages again (dotnet restore)");
        }
    }

    private static Outcome LoadOnLinux()
    {
        var folders = SearchFolders().ToList();
        var path = folders.Select(folder => Path.Combine(folder, FileName)).FirstOrDefault(File.Exists);
        if (path is null)
            return new(0, FileName, false, $"{FileName} is in none of {string.Join(", ", folders)}",
                "Build again, or publish for linux-x64");

        try
        {
            return new(NativeLibrary.Load(path), path, Patched: false);
        }
        catch (DllNotFoundException error) when (error.Message.Contains(MissingVersion, StringComparison.Ordinal))
        {
            return LoadPatched(path);
        }
    }

    private static Outcome LoadPatched(string path)
    {
        const string cure = $"Use a system whose libstdc++ has {MissingVersion} (Debian 13, Ubuntu 24.04 or newer)";
        var original = File.ReadAllBytes(path);
        byte[] patched;
        try
        {
            patched = ElfPatch.Weaken(original, MissingVersion);
        }
        catch (InvalidDataException error)
        {
            return new(0, path, false, $"{path} needs {MissingVersion} and cannot do without: {error.Message}", cure);
        }

        // The copy lies elsewhere, so its $ORIGIN no longer leads to libtorch: what is already loaded is found by its name.
        foreach (var needed in new ElfImage(original).NeededLibraries())
            if (Path.Combine(Path.GetDirectoryName(path)!, needed) is var sibling && File.Exists(sibling))
                NativeLibrary.Load(sibling);

        var problems = new List<string>();
        if (PatchedCopy.UserCacheFolder() is { } cache && Try(() => PatchedCopy.InCache(cache, FileName, original, patched)) is { } cached)
            return cached;
        if (Try(() => PatchedCopy.InTemporaryFolder(FileName, patched)) is { } temporary)
        {
            // A loaded library needs its file no more, and nobody else knows this one.
            Directory.Delete(Path.GetDirectoryName(temporary.Path)!, recursive: true);
            return temporary;
        }

        return new(0, path, false, $"no copy of {path} without {MissingVersion} could be loaded: {string.Join("; ", problems)}",
            $"Set XDG_CACHE_HOME to a folder that is writable and not mounted noexec. Or: {cure}");

        Outcome? Try(Func<string> place)
        {
            try
            {
                var copy = place();
                return new(NativeLibrary.Load(copy), copy, Patched: true);
            }
            catch (Exception error) when (IsOfLoading(error))
            {
                problems.Add(error.Message);
                return null;
            }
        }
    }

    private static bool IsOfLoading(Exception error) => error is IOException or UnauthorizedAccessException
        or DllNotFoundException or BadImageFormatException or InvalidDataException;

    /// <summary>Where the host looks for native libraries, then a published folder and a build's output folder.</summary>
    private static IEnumerable<string> SearchFolders()
    {
        var host = AppContext.GetData("NATIVE_DLL_SEARCH_DIRECTORIES") as string ?? "";
        return host.Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries).Append(AppContext.BaseDirectory).Append(Path.Combine(AppContext.BaseDirectory, "runtimes", "linux-x64", "native"))
            .Select(Path.TrimEndingDirectorySeparator).Distinct();
    }
}

/// <summary>How TorchSharp's native library was loaded, for <c>ganymede doctor</c>.</summary>
/// <param name="Loads">Whether it can be used.</param>
/// <param name="LibStdCxx">Newest GLIBCXX version of the system's libstdc++, for example GLIBCXX_3.4.30; "unknown" if not found.</param>
/// <param name="LibraryPath">The file that was loaded, or the one that was tried.</param>
/// <param name="Patched">Whether that file is a patched copy.</param>
/// <param name="Problem">Why it does not load; null if it does.</param>
/// <param name="Cure">What the user can do about the problem.</param>
public sealed record NativeBackendReport(bool Loads, string LibStdCxx, string LibraryPath, bool Patched, string? Problem, string? Cure);

/// <summary>TorchSharp's native library cannot be loaded; the message says why and what helps.</summary>
public sealed class NativeBackendException(string message) : Exception(message);
