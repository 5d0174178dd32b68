using Ganymede.Messages;

namespace Ganymede.Cli;

/// <summary>What can be done to a local cluster while it trains.</summary>
internal enum Fault
{
    /// <summary>A node is ended by SIGKILL, and another started once the rest train again.</summary>
    Kill,

    /// <summary>Two nodes are ended by SIGKILL at once.</summary>
    Pair,

    /// <summary>A node is stopped (SIGSTOP) for a while, and wakes up as if nothing had been.</summary>
    Stop,

    /// <summary>A node is asked to end by SIGTERM, and another started.</summary>
    Leave,

    /// <summary>One more node is started; the one that is one too many is asked to end the next time.</summary>
    Join,

    /// <summary>The Coordinator is ended by SIGKILL.</summary>
    Coordinator,

    /// <summary>The Lighthouse is ended by SIGKILL; once it is back a node joins, and leaves again.</summary>
    Lighthouse,

    /// <summary>A link between two nodes, or between a node and the Coordinator, or all of a node's links are cut for a while.</summary>
    Partition,
}

/// <param name="Point">For a kill: where in its work the node dies; null for wherever it happens to be.</param>
internal sealed record FaultKind(Fault Fault, FaultPoint? Point = null)
{
    /// <summary>Points at which a node can die, in the order of a step.</summary>
    public static IReadOnlyList<FaultPoint> Deaths { get; } = [.. Enum.GetValues<FaultPoint>().Where(point => point < FaultPoint.Weights)];

    public string Name => Point is { } point ? $"kill@{point}" : Fault.ToString().ToLowerInvariant();
}

/// <param name="Every">Peace before each fault, on average.</param>
/// <param name="Length">How long faults strike, unless <paramref name="Each"/> says how often.</param>
/// <param name="Each">How often each of the faults strikes; null for any number, within <paramref name="Length"/>.</param>
/// <param name="Pause">How long a node is stopped, or a link is cut.</param>
/// <param name="Seed">Decides which fault comes when and hits whom.</param>
internal sealed record ChaosSettings(IReadOnlyList<FaultKind> Faults, TimeSpan Every, TimeSpan Length, int? Each, TimeSpan Pause, ulong Seed)
{
    public bool NeedsHosts => Faults.Any(kind => kind.Fault == Fault.Partition);

    /// <summary>A list such as <c>kill,kill@DReduce,stop</c>; <c>kill@points</c> is a kill at each point. What is wrong with it goes to <paramref name="problems"/>.</summary>
    public static IReadOnlyList<FaultKind> ParseFaults(string text, List<string> problems)
    {
        List<FaultKind> faults = [];
        foreach (var word in text.Split(',', StringSplitOptions.TrimEntries))
        {
            var parts = word.Split('@');
            if (parts is ["kill", "points"])
                faults.AddRange(FaultKind.Deaths.Select(point => new FaultKind(Fault.Kill, point)));
            else if (parts is ["kill", var name])
            {
                if (Enum.TryParse<FaultPoint>(name, ignoreCase: true, out var point) && FaultKind.Deaths.Contains(point) && !char.IsDigit(name[0]))
                    faults.Add(new FaultKind(Fault.Kill, point));
                else
                    problems.Add($"--faults {text}: '{word}': a point is one of {string.Join(", ", FaultKind.Deaths)}, or 'points' for all of them.");
            }
            else if (Enum.TryParse<Fault>(word, ignoreCase: true, out var fault) && Enum.IsDefined(fault) && !char.IsDigit(word[0]))
                faults.Add(new FaultKind(fault));
            else
                problems.Add($"--faults {text}: '{word}' is none of {string.Join(", ", Enum.GetNames<Fault>().Select(known => known.ToLowerInvariant()))}, kill@POINT.");
        }

        if (faults.Any(kind => kind.Fault == Fault.Partition) && TestHosts.WhatIsMissing() is { } missing)
            problems.Add($"--faults {text}: partition needs hosts of its own on this machine: {missing}.");
        return faults;
    }
}
