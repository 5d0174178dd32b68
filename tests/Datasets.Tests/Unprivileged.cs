using System.Runtime.InteropServices;

namespace Ganymede.Tests;

/// <summary>Runs something without root's right to pass over file permissions, on this thread only (Linux setfsuid(2)).</summary>
internal static class Unprivileged
{
    private const int Nobody = 65534;

    public static void Run(Action action)
    {
        if (!Environment.IsPrivilegedProcess)
        {
            action();
            return;
        }

        _ = SetFileSystemUser(Nobody);
        try
        {
            action();
        }
        finally
        {
            _ = SetFileSystemUser(0);
        }
    }

    [DllImport("libc", EntryPoint = "setfsuid")]
    private static extern int SetFileSystemUser(int user);
}
