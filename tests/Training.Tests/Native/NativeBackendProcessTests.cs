using System.Diagnostics;
using System.Security.Cryptography;
using Ganymede.Training;

namespace Ganymede.Tests;

/// <summary>
/// Each case in processes of its own that load Torch from scratch: they run one test of this assembly, and succeed only if Torch works.
/// </summary>
public sealed class NativeBackendProcessTests : IDisposable
{
    private readonly TemporaryFolder _cache = new();
    private readonly TemporaryFolder _temporary = new();

    public void Dispose()
    {
        _cache.Dispose();
        _temporary.Dispose();
    }

    private static string Hash(string path) => Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(path)));

    private static void NeedsPatch() => Assert.SkipUnless(NativeBackend.Describe().Patched, "this system loads the original library");

    private static async Task<(int ExitCode, string Output)> LoadTorch(string cache, string temporary)
    {
        var start = new ProcessStartInfo("dotnet", [typeof(NativeBackendProcessTests).Assembly.Location,
            "-method", $"{typeof(NativeBackendTests).FullName}.{nameof(NativeBackendTests.Loads_torch_and_says_from_where)}"])
        {
            RedirectStandardOutput = true, RedirectStandardError = true,
        };
        start.Environment["XDG_CACHE_HOME"] = cache;
        start.Environment["TMPDIR"] = temporary;
        start.Environment["DOTNET_EnableDiagnostics"] = "0"; // its pipes would need a writable TMPDIR
        using var process = Process.Start(start)!;
        var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync();
        return (process.ExitCode, await output + await error);
    }

    [Fact]
    public async Task Several_processes_may_fill_the_cache_at_once_and_the_original_stays_as_it_is()
    {
        NeedsPatch();
        var original = Hash(ElfPatchTests.OriginalPath);
        var link = new FileInfo(ElfPatchTests.OriginalPath).LinkTarget;

        var results = await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => LoadTorch(_cache.Path, _temporary.Path)));

        Assert.All(results, result => Assert.True(result.ExitCode == 0, result.Output));
        var folder = Path.Combine(_cache.Path, "ganymede", "native", original);
        var copy = Assert.Single(Directory.GetFileSystemEntries(folder));
        Assert.Equal(ElfPatch.Weaken(File.ReadAllBytes(ElfPatchTests.OriginalPath), "GLIBCXX_3.4.32"), File.ReadAllBytes(copy));
        Assert.Equal(original, Hash(ElfPatchTests.OriginalPath));
        Assert.Equal(link, new FileInfo(ElfPatchTests.OriginalPath).LinkTarget);

        // A copy that was torn or altered is replaced, not trusted.
        File.WriteAllText(copy, "half a library");
        var again = await LoadTorch(_cache.Path, _temporary.Path);
        Assert.True(again.ExitCode == 0, again.Output);
        Assert.NotEqual("half a library".Length, new FileInfo(copy).Length);
    }

    [Fact]
    public async Task Without_a_writable_cache_a_temporary_copy_serves_and_is_removed()
    {
        NeedsPatch();
        var result = await LoadTorch("/proc/nowhere", _temporary.Path);
        Assert.True(result.ExitCode == 0, result.Output);
        Assert.Empty(Directory.GetDirectories(_temporary.Path, "ganymede-native-*"));
    }

    [Fact]
    public async Task With_nowhere_to_write_the_message_says_what_to_set()
    {
        NeedsPatch();
        var result = await LoadTorch("/proc/nowhere", "/proc/nowhere");
        Assert.NotEqual(0, result.ExitCode);
        Assert.Contains("could be loaded", result.Output);
        Assert.Contains("Set XDG_CACHE_HOME to a folder that is writable", result.Output);
    }
}
