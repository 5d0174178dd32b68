using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text.Json;
using Ganymede.Messages;
using Ganymede.Messages.Api;

namespace Ganymede.GpuNode.Runs;

/// <summary>
/// Faults by name, for tests and <c>ganymede chaos</c>: does to this node what a <see cref="FaultOrder"/> says, where it says. Without one of the
/// two variables nothing here does anything.
/// </summary>
public static class Faults
{
    private const int Sigkill = 9;

    private static readonly Lock _lock = new();
    private static string _node = "";
    private static string? _file;
    private static FaultOrder? _order;

    /// <summary>What is wrong with <see cref="FaultOrder.Variable"/>; null for nothing.</summary>
    public static string? Problem
    {
        get
        {
            try
            {
                _ = Ordered();
                return null;
            }
            catch (FormatException error)
            {
                return $"{FaultOrder.Variable}: {error.Message}";
            }
        }
    }

    /// <param name="node">The name this node was started with.</param>
    /// <exception cref="FormatException">There is a <see cref="Problem"/>.</exception>
    public static void Arm(string node)
    {
        _node = node;
        _file = Environment.GetEnvironmentVariable(FaultOrder.FileVariable) is { Length: > 0 } path ? path : null;
        _order = Ordered();
    }

    private static FaultOrder? Ordered() =>
        Environment.GetEnvironmentVariable(FaultOrder.Variable) is { Length: > 0 } text ? FaultOrder.Parse(text) : null;

    /// <summary>Dies here, if so ordered.</summary>
    public static void At(FaultPoint point, long step)
    {
        if (Strikes(point, step) is not null)
            Die();
    }

    /// <summary>Dies the ordered time after this: for a death in the middle of something long.</summary>
    public static void Soon(FaultPoint point, long step)
    {
        if (Strikes(point, step, said: false) is not { } order)
            return;
        new Thread(() =>
        {
            var begun = Stopwatch.GetTimestamp();
            while (Stopwatch.GetElapsedTime(begun) < TimeSpan.FromMilliseconds(order.Milliseconds))
                Thread.SpinWait(100);
            Say(point, step);
            Die();
        }) { IsBackground = true, Priority = ThreadPriority.Highest }.Start();
    }

    /// <summary>Whether the caller is to do here what the point's name says.</summary>
    public static bool Hits(FaultPoint point, long step) => Strikes(point, step) is not null;

    /// <summary>By SIGKILL, here.</summary>
    public static void Die() => _ = Kill(Environment.ProcessId, Sigkill);

    private static FaultOrder? Strikes(FaultPoint point, long step, bool said = true)
    {
        if (_file is null && _order is null)
            return null;
        lock (_lock)
        {
            if (_order is { } armed && armed.IsDue(_node, point, step))
            {
                if (armed.Last is null)
                    _order = null;
                return armed;
            }

            return _file is { } path && Claim(path, point, step, said) is { } order ? order : null;
        }
    }

    /// <summary>Several nodes may see the same order: the rename decides whose it is.</summary>
    private static FaultOrder? Claim(string path, FaultPoint point, long step, bool said)
    {
        try
        {
            if (!File.Exists(path))
                return null;
            var order = FaultOrder.Parse(File.ReadAllText(path));
            if (!order.IsDue(_node, point, step))
                return null;
            File.Move(path, $"{path}.{_node}", overwrite: true); // one that this node left in an earlier life
            if (said)
                Say(point, step);
            return order;
        }
        catch (IOException)
        {
            return null; // another node was quicker, or it was withdrawn
        }
    }

    private static void Say(FaultPoint point, long step)
    {
        if (_file is { } path)
        {
            AtomicFile.Write(path + FaultOrder.HitSuffix, JsonSerializer.Serialize(
                new FaultHit(_node, Environment.ProcessId, point, step, Stopwatch.GetTimestamp(), DateTimeOffset.UtcNow), ApiJson.Options));
        }
    }

    [DllImport("libc", EntryPoint = "kill")]
    private static extern int Kill(int pid, int signal);
}
