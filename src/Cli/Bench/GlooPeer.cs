using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;

namespace Ganymede.Cli;

/// <summary>PyTorch's gloo, run by whatever Python has it.</summary>
internal static class GlooPeer
{
    private static readonly string[] Pythons = ["python3", "/usr/bin/python3"];

    /// <exception cref="BadInputException">No Python with torch; says how to get one.</exception>
    public static string FindPython(string peer) => Array.Find(Pythons, HasTorch) ?? throw new BadInputException(
        $"--peer {peer}: neither {string.Join(" nor ", Pythons)} has torch.distributed; on Debian 'apt-get install python3-torch' helps, '--peer none' runs without it.");

    public static IReadOnlyList<string> CommandLine(string python, int rank, int ranks, int connections) =>
    [
        python, PeerScripts.PathOf("gloo_allreduce.py"),
        .. new[] { rank, ranks, connections }.Select(number => number.ToString(CultureInfo.InvariantCulture)),
    ];

    private static bool HasTorch(string python)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(python, ["-c", "import torch.distributed as d; assert d.is_gloo_available() if hasattr(d, 'is_gloo_available') else d.is_available()"])
            {
                RedirectStandardError = true,
                RedirectStandardOutput = true,
            });
            if (process!.WaitForExit(TimeSpan.FromMinutes(1)))
                return process.ExitCode == 0;
            process.Kill();
            return false;
        }
        catch (Win32Exception)
        {
            return false; // there is no such program
        }
    }
}
