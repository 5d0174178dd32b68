using System.Runtime.InteropServices;

namespace Ganymede.Tests;

/// <summary>
/// Runs something without root's right to pass over file permissions, on this thread only: Linux capabilities(7) belong
/// to threads. The user stays the same, so that the runtime can still load what belongs to root.
/// </summary>
internal static class Unprivileged
{
    private const uint Version3 = 0x20080522;
    private const uint PassOverPermissions = (1 << 1) | (1 << 2); // CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH

    public static void Run(Action action)
    {
        if (!Environment.IsPrivilegedProcess)
        {
            action();
            return;
        }

        uint[] header = [Version3, 0], before = new uint[6]; // two times effective, permitted, inheritable
        Assert.Equal(0, GetCapabilities(header, before));
        Assert.Equal(0, SetCapabilities(header, [before[0] & ~PassOverPermissions, .. before[1..]]));
        try
        {
            action();
        }
        finally
        {
            Assert.Equal(0, SetCapabilities(header, before));
        }
    }

    [DllImport("libc", EntryPoint = "capget")]
    private static extern int GetCapabilities([In, Out] uint[] header, [In, Out] uint[] data);

    [DllImport("libc", EntryPoint = "capset")]
    private static extern int SetCapabilities([In, Out] uint[] header, [In] uint[] data);
}
