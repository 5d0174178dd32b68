using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

namespace Ganymede.GpuNode.Runs;

/// <summary>Places at which a test can have a node die.</summary>
public enum FaultPoint
{
    DataLoad,
    DCompute,
    DReduce,
    DUpdate,
    GCompute,
    GReduce,
    GUpdate,
    Checkpoint,
    Join,
}

/// <summary>
/// Deaths by name, for tests: <c>GANYMEDE_FAULT="gpu-node-2 DReduce 7"</c> has the node whose name begins so end itself by SIGKILL when
/// it gets to that point of that step (the first one from there on). Without the variable nothing here does anything.
/// </summary>
public static class Faults
{
    public const string Variable = "GANYMEDE_FAULT";

    private const int Sigkill = 9;
    private static (FaultPoint Point, long Step)? _fault;

    /// <summary>Reads the variable, if it names this node.</summary>
    /// <exception cref="FormatException">It is not (name, point, step).</exception>
    public static void Arm(string node)
    {
        if (Environment.GetEnvironmentVariable(Variable) is not { Length: > 0 } text)
            return;
        var words = text.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (words.Length != 3 || !Enum.TryParse<FaultPoint>(words[1], out var point) || !long.TryParse(words[2], CultureInfo.InvariantCulture, out var step))
            throw new FormatException($"{Variable}='{text}' is not a node's name, one of {string.Join(", ", Enum.GetNames<FaultPoint>())}, and a step.");
        if (node.StartsWith(words[0], StringComparison.Ordinal))
            _fault = (point, step);
    }

    /// <summary>Dies here, if so armed.</summary>
    public static void At(FaultPoint point, long step)
    {
        if (_fault is { } fault && fault.Point == point && step >= fault.Step)
            _ = Kill(Environment.ProcessId, Sigkill);
    }

    /// <summary>Dies a moment after this, if so armed: for a death in the middle of a wait.</summary>
    public static void Soon(FaultPoint point, long step)
    {
        if (_fault is not { } fault || fault.Point != point || step < fault.Step)
            return;
        new Thread(() =>
        {
            var begun = Stopwatch.GetTimestamp();
            while (Stopwatch.GetElapsedTime(begun) < TimeSpan.FromMilliseconds(1))
                Thread.SpinWait(100);
            At(point, step);
        }) { IsBackground = true }.Start();
    }

    [DllImport("libc", EntryPoint = "kill")]
    private static extern int Kill(int pid, int signal);
}
