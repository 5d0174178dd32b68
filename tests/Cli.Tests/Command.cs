using System.Diagnostics;
using System.Runtime.InteropServices;
using Ganymede.Cli;

namespace Ganymede.Tests;

/// <summary>A program run to its end, as a user would see it.</summary>
internal sealed record Finished(int ExitCode, string Output, string Error)
{
    public string[] ErrorLines => Error.Split('\n', StringSplitOptions.RemoveEmptyEntries);
}

/// <summary>Runs the built command line, or any other program, as a process of its own.</summary>
internal static class Command
{
    private static readonly TimeSpan Deadline = TimeSpan.FromMinutes(Slow.Or(15, 3));

    public static string CliAssembly { get; } =
        System.IO.Path.GetFullPath(System.IO.Path.Combine(AppContext.BaseDirectory, "..", "..", "Cli", "release", "Ganymede.Cli.dll"));

    /// <summary><c>ganymede …</c> in <paramref name="folder"/>.</summary>
    public static Task<Finished> Ganymede(string folder, params string[] arguments) => RunAsync(StartInfo(folder, arguments));

    /// <summary>The same for what takes longer than others, within <paramref name="deadline"/>.</summary>
    public static Task<Finished> Ganymede(string folder, TimeSpan deadline, params string[] arguments) => RunAsync(StartInfo(folder, arguments), deadline: deadline);

    public static ProcessStartInfo StartInfo(string folder, params string[] arguments)
    {
        var start = new ProcessStartInfo(Programs.DotNet, [CliAssembly, .. arguments]) { WorkingDirectory = folder };
        start.Environment.Remove("NO_COLOR");
        return start;
    }

    public static async Task<Finished> RunAsync(ProcessStartInfo start, string input = "", TimeSpan? deadline = null)
    {
        start.RedirectStandardInput = start.RedirectStandardOutput = start.RedirectStandardError = true;
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync();
        var error = process.StandardError.ReadToEndAsync();
        try
        {
            await process.StandardInput.WriteAsync(input);
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It ended without reading: its exit code says the rest.
        }

        using var late = new CancellationTokenSource(deadline ?? Deadline);
        try
        {
            await process.WaitForExitAsync(late.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            Assert.Fail($"'{string.Join(' ', start.ArgumentList)}' was not done within {(deadline ?? Deadline).TotalSeconds:0} s.\n{await output}\n{await error}");
        }

        return new Finished(process.ExitCode, await output, await error);
    }

    /// <summary>Sends a signal by its number: 2 is SIGINT, 9 SIGKILL, 15 SIGTERM.</summary>
    public static void Signal(int pid, int signal) => Assert.Equal(0, Kill(pid, signal));

    /// <summary>False if it has ended already.</summary>
    public static bool TrySignal(int pid, int signal) => Kill(pid, signal) == 0;

    public static bool IsAlive(int pid)
    {
        // A zombie is dead, but for its parent's notice.
        try
        {
            return File.ReadAllText($"/proc/{pid}/stat").Split(") ", 2)[1][0] is not ('Z' or 'X');
        }
        catch (IOException)
        {
            return false;
        }
    }

    /// <summary>Waits until the condition holds.</summary>
    public static async Task Until(Func<bool> condition, TimeSpan deadline, string what)
    {
        var start = Stopwatch.GetTimestamp();
        while (!condition())
        {
            if (Stopwatch.GetElapsedTime(start) > deadline)
                Assert.Fail($"Not within {deadline.TotalSeconds:0} s: {what}");
            await Task.Delay(50);
        }
    }

    [DllImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static extern int Kill(int pid, int signal);
}
