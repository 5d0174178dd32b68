using System.Runtime.InteropServices;

namespace Ganymede.Training;

/// <summary>Writing that survives a power cut: data and folder entries are on the disk when a call returns.</summary>
internal static partial class DurableFiles
{
    private const int ReadOnly = 0x80000;   // O_RDONLY | O_CLOEXEC: these two are the same on x64 and arm64
    private const int InvalidArgument = 22; // EINVAL: a file system that has nothing to flush for a folder

    public static void Write(string path, IEnumerable<ReadOnlyMemory<byte>> parts)
    {
        using var stream = new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 0);
        foreach (var part in parts)
            stream.Write(part.Span);
        stream.Flush(flushToDisk: true);
    }

    /// <summary>
    /// Flushes a folder's entries, which a file's own flush does not cover. On Linux only: elsewhere a power cut may take back a rename.
    /// </summary>
    public static void FlushFolder(string path)
    {
        if (!OperatingSystem.IsLinux())
            return;
        var handle = Open(path, ReadOnly);
        if (handle < 0)
            throw new IOException($"cannot open folder {path}: {Marshal.GetLastPInvokeErrorMessage()}");
        try
        {
            if (Flush(handle) != 0 && Marshal.GetLastPInvokeError() != InvalidArgument)
                throw new IOException($"cannot flush folder {path}: {Marshal.GetLastPInvokeErrorMessage()}");
        }
        finally
        {
            _ = Close(handle);
        }
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int Flush(int handle);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    private static partial int Close(int handle);
}
