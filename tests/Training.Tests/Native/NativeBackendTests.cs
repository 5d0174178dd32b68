using Ganymede.Training;
using TorchSharp;

namespace Ganymede.Tests;

public sealed class NativeBackendTests
{
    [Fact]
    public void Loads_torch_and_says_from_where()
    {
        using var ones = torch.ones(3, 4);
        Assert.Equal(12f, ones.sum().item<float>());

        var report = NativeBackend.Describe();
        Assert.True(report.Loads, report.Problem);
        Assert.Null(report.Problem);
        if (!OperatingSystem.IsLinux())
            return;
        Assert.StartsWith("GLIBCXX_3.4.", report.LibStdCxx);
        Assert.Contains(report.LibraryPath, File.ReadAllText("/proc/self/maps"));
    }

    [Fact]
    public void Patches_only_where_the_system_is_too_old()
    {
        var report = NativeBackend.Describe();
        Assert.Equal(OperatingSystem.IsLinux() && Version.Parse(report.LibStdCxx["GLIBCXX_".Length..]) < new Version(3, 4, 32), report.Patched);
    }

    [Fact]
    public void Finds_the_newest_version_by_number_and_not_by_letter() =>
        Assert.Equal("GLIBCXX_3.4.30", LibStdCxx.Newest(["GLIBCXX_3.4.9", "GLIBCXX_3.4.30", "CXXABI_1.3.13", "GLIBCXX_DEBUG_MESSAGE_LENGTH"]));
}
