using System.Text.RegularExpressions;
using Ganymede.Messages;

namespace Ganymede.Cli;

/// <summary>What was said of a fault, held against what was done.</summary>
internal static partial class FaultReport
{
    public static ChaosFault Of(Struck struck, double seconds, RunWatch watch, long? stepsMeanwhile)
    {
        var evicted = watch.EvictedSince(struck.Time);
        var first = struck.EndsView ? watch.FirstSince(struck.Time, " suspects ") ?? watch.FirstSince(struck.Time, "Evicted ") : null;
        return new ChaosFault(
            struck.Kind.Name, string.Join(" and ", struck.Victims), struck.Before.Step, Math.Round(seconds, 4),
            struck.HasToGo.Count > 0 && evicted.Count > 0 ? Math.Round((evicted[0].Time - struck.Time).TotalSeconds, 3) : null,
            struck.HasToGo.Count > 0 ? IsNamed(struck, [.. evicted.Select(node => node.Process)], first?.Text) : null,
            first?.Text, stepsMeanwhile);
    }

    private static bool IsNamed(Struck struck, string[] evicted, string? suspicion)
    {
        // Of a cut link one end has to go, whichever; else all victims, and nobody else.
        var isWho = struck.Kind.Fault == Fault.Partition ? evicted.Length == 1 && struck.Victims.Contains(evicted[0]) : evicted.Order().SequenceEqual(struck.HasToGo.Order());
        return isWho && (suspicion is null || PhaseNamed().Match(suspicion) is not { Success: true } phase || PhasesOf(struck.Kind.Point).Contains(phase.Groups[1].Value));
    }

    /// <summary>The phase in which the others miss a node that died there. One that had sent its part when it died is missed in the next.</summary>
    private static string PhasesOf(FaultPoint? point) => point switch
    {
        FaultPoint.DCompute => "D",
        FaultPoint.GCompute => "G",
        FaultPoint.DReduce or FaultPoint.DUpdate or FaultPoint.GReduce or FaultPoint.GUpdate => "DG",
        _ => "DG",
    };

    [GeneratedRegex(", phase ([DG]):")]
    private static partial Regex PhaseNamed();
}
