namespace Ganymede.Cli;

/// <summary>Where the other programs lie, and the dotnet that runs them.</summary>
internal static class Programs
{
    /// <summary>Overrides the folder that has <c>&lt;Program&gt;/release/Ganymede.&lt;Program&gt;.dll</c>.</summary>
    public const string FolderVariable = "GANYMEDE_PROGRAMS";

    /// <summary>What a cluster consists of.</summary>
    public static IReadOnlyList<string> OfCluster { get; } = ["Lighthouse", "Coordinator", "GpuNode"];

    /// <summary>The dotnet that runs this very process.</summary>
    public static string DotNet { get; } = Path.GetFullPath(Path.Combine(
        System.Runtime.InteropServices.RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", "..", OperatingSystem.IsWindows() ? "dotnet.exe" : "dotnet"));

    /// <param name="program">Lighthouse, Coordinator or GpuNode.</param>
    /// <exception cref="FailedException">It is not there.</exception>
    public static string PathOf(string program)
    {
        var path = Path.Combine(Folder, program, "release", $"Ganymede.{program}.dll");
        return File.Exists(path)
            ? path
            : throw new FailedException($"{path} is missing; build with './ganymede version', or name the folder of the built programs in {FolderVariable}.");
    }

    /// <summary>True when the GPU nodes were built with a libtorch that has CUDA.</summary>
    public static bool HaveCuda()
    {
        var folder = Path.Combine(Folder, "GpuNode", "release");
        return Directory.Exists(folder) && Directory.EnumerateFiles(folder, "libtorch_cuda*.so*", SearchOption.AllDirectories).Any();
    }

    // <artifacts>/bin/Cli/release/ is where this lies.
    private static string Folder => Environment.GetEnvironmentVariable(FolderVariable) is { Length: > 0 } folder
        ? Path.GetFullPath(folder)
        : Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "..", ".."));
}
