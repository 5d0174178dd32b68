using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Ganymede.Datasets;
using Ganymede.Messages;
using Ganymede.Training;

namespace Ganymede.Cli;

/// <summary>What the doctor looks at. Each check stands alone: one that fails does not keep the others from being made.</summary>
internal static class Examination
{
    /// <summary>A local cluster of four processes with cgan-32 takes about this much.</summary>
    private const long MemoryWanted = 3L << 30;

    /// <summary>Checkpoints, grids and images of a small run.</summary>
    private const long DiskWanted = 1L << 30;

    /// <param name="runFolder">Where runs would go.</param>
    public static IEnumerable<Finding> Of(string runFolder) =>
    [
        Sdk(), System(), Native(), Programs(), Cores(), Memory(), .. Devices(), Loopback(), Disk(runFolder), EmbeddedData(), FullData(),
    ];

    private static Finding Sdk()
    {
        var root = Path.GetDirectoryName(Cli.Programs.DotNet)!;
        var sdks = Directory.Exists(Path.Combine(root, "sdk"))
            ? Directory.GetDirectories(Path.Combine(root, "sdk")).Select(Path.GetFileName).Where(name => char.IsAsciiDigit(name![0])).Order().ToList()
            : [];
        return sdks.Count > 0
            ? Finding.Ok("sdk", $"{string.Join(", ", sdks)} in {root}, runtime {Environment.Version}")
            : Finding.Warn("sdk", $"none in {root} (runtime {Environment.Version})", "needed only to build: https://dotnet.microsoft.com/download");
    }

    private static Finding System()
    {
        var text = $"{RuntimeInformation.OSDescription}, {RuntimeInformation.OSArchitecture}";
        if (!OperatingSystem.IsLinux() || RuntimeInformation.OSArchitecture != Architecture.X64)
            return Finding.Fail("system", text, "TorchSharp's libtorch packages used here are for Linux on x86-64: use such a machine or container");
        return Finding.Ok("system", $"{OsName() ?? text}, {RuntimeInformation.OSArchitecture}, {CLibrary()}");
    }

    private static Finding Native()
    {
        var report = NativeBackend.Describe();
        return report.Loads
            ? Finding.Ok("native library", $"{report.LibraryPath}{(report.Patched ? " (copy without the version tag this libstdc++ lacks)" : "")}; libstdc++ up to {report.LibStdCxx}")
            : Finding.Fail("native library", report.Problem!, report.Cure ?? "build again");
    }

    private static Finding Programs()
    {
        try
        {
            return Finding.Ok("programs", string.Join(", ", Cli.Programs.OfCluster.Select(program => Path.GetFileName(Cli.Programs.PathOf(program)))));
        }
        catch (FailedException missing)
        {
            return Finding.Fail("programs", missing.Message, "build with ./ganymede version");
        }
    }

    private static Finding Cores() => Environment.ProcessorCount >= 2
        ? Finding.Ok("cores", $"{Environment.ProcessorCount} logical processors")
        : Finding.Warn("cores", "1 logical processor", "two nodes will share it: train with --nodes 1");

    private static Finding Memory()
    {
        var total = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        var free = AvailableMemory() ?? total;
        var text = $"{Figures.Bytes(free)} free of {Figures.Bytes(total)}";
        return free >= MemoryWanted
            ? Finding.Ok("memory", text)
            : Finding.Warn("memory", text, $"a local cluster wants about {Figures.Bytes(MemoryWanted)}: close other programs or use --nodes 1");
    }

    private static IEnumerable<Finding> Devices()
    {
        yield return Finding.Ok("device cpu", "--devices cpu");
        if (!NativeBackend.Describe().Loads)
            yield break;
        if (!TorchSharp.torch.cuda_is_available())
        {
            yield return Cli.Programs.HaveCuda()
                ? Finding.Warn("device cuda", "libtorch has CUDA but finds no GPU", "check the driver with nvidia-smi")
                : Finding.Ok("device cuda", "this build trains on the CPU; './ganymede --torch=cuda …' builds for NVIDIA GPUs");
            yield break;
        }

        for (var index = 0; index < TorchSharp.torch.cuda.device_count(); index++)
            yield return Finding.Ok($"device cuda:{index}", $"--devices cuda:{index}");
    }

    private static Finding Loopback()
    {
        try
        {
            using var listener = new TcpListener(IPAddress.Loopback, 0);
            listener.Start();
            using var client = new TcpClient();
            client.Connect((IPEndPoint)listener.LocalEndpoint);
            return Finding.Ok("ports", "free ports on 127.0.0.1 can be listened on and reached");
        }
        catch (SocketException error)
        {
            return Finding.Fail("ports", $"127.0.0.1: {error.Message}", "bring the loopback interface up (ip link set lo up), or allow local sockets");
        }
    }

    private static Finding Disk(string runFolder)
    {
        var existing = runFolder;
        while (!Directory.Exists(existing))
            existing = Path.GetDirectoryName(existing)!;
        if (RunFolder.WritableProblem(existing, "run folder") is { } problem)
            return Finding.Fail("disk", problem, "go to a folder you may write to, or name one with --out");
        var free = new DriveInfo(existing).AvailableFreeSpace;
        var text = $"{Figures.Bytes(free)} free for {runFolder}";
        return free >= DiskWanted ? Finding.Ok("disk", text) : Finding.Warn("disk", text, "make room, or name another disk with --out");
    }

    private static Finding EmbeddedData()
    {
        try
        {
            var pack = DataSource.Resolve("fashion-mnist").Read(new PackSettings(28, 1, SkipUnreadable: false), CancellationToken.None).Pack;
            return Finding.Ok("data fashion-mnist", $"{Figures.Count(pack.Count)} images of {pack.Classes.Count} classes, embedded");
        }
        catch (BadDataException error)
        {
            return Finding.Fail("data fashion-mnist", error.Message, "the embedded set is damaged: build again from a clean checkout");
        }
    }

    private static Finding FullData()
    {
        try
        {
            DataSource.Resolve("fashion-mnist-full");
            return Finding.Ok("data fashion-mnist-full", "installed");
        }
        catch (BadDataException)
        {
            return Finding.Ok("data fashion-mnist-full", "not installed (optional): apt install dataset-fashion-mnist");
        }
    }

    private static string? OsName() => File.Exists("/etc/os-release")
        ? File.ReadLines("/etc/os-release").FirstOrDefault(line => line.StartsWith("PRETTY_NAME=", StringComparison.Ordinal))?["PRETTY_NAME=".Length..].Trim('"')
        : null;

    private static string CLibrary()
    {
        try
        {
            return "glibc " + Marshal.PtrToStringAnsi(GlibcVersion());
        }
        catch (EntryPointNotFoundException)
        {
            return "not glibc";
        }
    }

    /// <summary>MemAvailable of /proc/meminfo: what can be had without swapping.</summary>
    private static long? AvailableMemory()
    {
        if (!File.Exists("/proc/meminfo"))
            return null;
        var line = File.ReadLines("/proc/meminfo").FirstOrDefault(text => text.StartsWith("MemAvailable:", StringComparison.Ordinal));
        var figure = line?.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1];
        return long.TryParse(figure, NumberStyles.None, CultureInfo.InvariantCulture, out var kilobytes) ? kilobytes * 1024 : null;
    }

    [DllImport("libc", EntryPoint = "gnu_get_libc_version")]
    private static extern nint GlibcVersion();
}
