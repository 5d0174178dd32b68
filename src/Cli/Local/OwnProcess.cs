using System.Globalization;
using System.Runtime.InteropServices;

namespace Ganymede.Cli;

/// <summary>Processes by number and moment of birth, so that a number that was given to another one meanwhile is never taken for it.</summary>
internal static class OwnProcess
{
    private const int ReadOnly = 0, WriteAppendCreate = 0x1 | 0x400 | 0x40;

    /// <summary>When the process was started, in clock ticks since the system was; null when there is none, or only its remains.</summary>
    public static long? StartTicks(int pid)
    {
        try
        {
            var fields = File.ReadAllText($"/proc/{pid}/stat").Split(") ")[^1].Split(' ');
            return fields[0] is "Z" or "X" ? null : long.Parse(fields[19], CultureInfo.InvariantCulture); // the 22nd of proc(5), of which two were cut off
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or FormatException or IndexOutOfRangeException)
        {
            return null;
        }
    }

    public static bool IsAlive(int pid, long startTicks) => StartTicks(pid) == startTicks;

    /// <summary>Waits for its end; false if it lives on.</summary>
    public static async Task<bool> WaitAsync(int pid, long startTicks, TimeSpan deadline)
    {
        var late = Environment.TickCount64 + (long)deadline.TotalMilliseconds;
        while (IsAlive(pid, startTicks))
        {
            if (Environment.TickCount64 >= late)
                return false;
            await Task.Delay(50);
        }

        return true;
    }

    /// <summary>This process leaves the terminal it was started from: neither its Ctrl-C nor its end reaches it any more.</summary>
    public static void LeaveTerminal() => _ = SetSid(); // fails only for the leader of a group, which nobody's child is

    /// <summary>Standard output and error go to a file from now on, whoever holds the old ones; input is at its end.</summary>
    public static void RedirectOutput(string path)
    {
        Console.Out.Flush();
        Console.Error.Flush();
        var (file, nothing) = (Open(path, WriteAppendCreate, 0x1A4), Open("/dev/null", ReadOnly, 0));
        if (file < 0 || nothing < 0)
            throw new FailedException($"{path}: cannot be written to (error {Marshal.GetLastPInvokeError()}).");
        _ = Dup2(nothing, 0);
        _ = Dup2(file, 1);
        _ = Dup2(file, 2);
        _ = Close(file);
        _ = Close(nothing);
    }

    [DllImport("libc", EntryPoint = "setsid", SetLastError = true)]
    private static extern int SetSid();

    [DllImport("libc", EntryPoint = "open", SetLastError = true)]
    private static extern int Open([MarshalAs(UnmanagedType.LPUTF8Str)] string path, int flags, int mode);

    [DllImport("libc", EntryPoint = "dup2", SetLastError = true)]
    private static extern int Dup2(int from, int to);

    [DllImport("libc", EntryPoint = "close", SetLastError = true)]
    private static extern int Close(int file);
}
