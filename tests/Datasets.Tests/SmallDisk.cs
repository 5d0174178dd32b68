using System.Diagnostics;

namespace Ganymede.Tests;

/// <summary>A file system of a few blocks in memory; mounting needs root.</summary>
internal sealed class SmallDisk : IDisposable
{
    private readonly string _path;

    private SmallDisk(string path) => _path = path;

    public static SmallDisk Mount(string path, int kibibytes)
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "mounting a small file system needs root");
        Directory.CreateDirectory(path);
        Assert.SkipUnless(
            Run("mount", "-t", "tmpfs", "-o", $"size={kibibytes}k,mode=777", "tmpfs", path) == 0,
            "this machine does not let tests mount a small file system");
        return new SmallDisk(path);
    }

    public void Fill()
    {
        try
        {
            using var filler = File.Create(Path.Combine(_path, "filler"), bufferSize: 1);
            while (true)
            {
                filler.Write(new byte[4096]);
            }
        }
        catch (IOException)
        {
            // Full, as wanted.
        }
    }

    public void Empty() => File.Delete(Path.Combine(_path, "filler"));

    public void Dispose() => Run("umount", _path);

    private static int Run(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
        process.StandardError.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode;
    }
}
