using System.Globalization;

namespace Ganymede.Coordinator.Api;

/// <summary>
/// The sample grids of a run, <c>grids/step-00000250.png</c> in its folder. A request names a run and a number, never a path. The folder is
/// others' to write to: what there is not a plain PNG of a sensible size is not handed out.
/// </summary>
public static class RunGrids
{
    private const long MostBytes = 64 * 1024 * 1024;
    private static ReadOnlySpan<byte> Signature => [0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A];

    /// <summary>The steps of which there is a grid, ascending.</summary>
    public static long[] Steps(string runFolder)
    {
        try
        {
            return [.. new DirectoryInfo(Folder(runFolder)).EnumerateFiles("step-*.png")
                .Where(file => file.LinkTarget is null).Select(file => StepOf(file.Name)).OfType<long>().Order()];
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return []; // none yet
        }
    }

    /// <summary>The grid of a step; null where there is none.</summary>
    public static byte[]? Read(string runFolder, long step)
    {
        try
        {
            var file = new FileInfo(Path.Combine(Folder(runFolder), Name(step)));
            if (file is not { Exists: true, LinkTarget: null } || file.Length > MostBytes || file.Directory?.LinkTarget is not null)
                return null;
            var bytes = File.ReadAllBytes(file.FullName);
            return bytes.AsSpan().StartsWith(Signature) ? bytes : null;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static string Folder(string runFolder) => Path.Combine(runFolder, "grids");

    private static string Name(long step) => string.Create(CultureInfo.InvariantCulture, $"step-{step:D8}.png");

    private static long? StepOf(string name) =>
        long.TryParse(name.AsSpan(5, name.Length - 9), NumberStyles.None, CultureInfo.InvariantCulture, out var step) && Name(step) == name ? step : null;
}
