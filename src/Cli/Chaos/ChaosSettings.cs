namespace Ganymede.Cli;

/// <summary>What can be done to a local cluster while it trains.</summary>
internal enum Fault
{
    /// <summary>A node is ended by SIGKILL, and another started.</summary>
    Kill,

    /// <summary>A node is stopped for twice MaxStall, and wakes up as if nothing had been.</summary>
    Stop,

    /// <summary>A node is asked to end by SIGTERM, and another started.</summary>
    Leave,

    /// <summary>One more node is started; the one that is one too many is asked to end the next time.</summary>
    Join,

    /// <summary>The Coordinator is ended by SIGKILL.</summary>
    Coordinator,
}

/// <param name="Seed">Decides which fault hits whom.</param>
internal sealed record ChaosSettings(IReadOnlyList<Fault> Faults, TimeSpan Every, TimeSpan Length, ulong Seed)
{
    /// <summary>A list such as <c>kill,stop</c>; what is wrong with it goes to <paramref name="problems"/>.</summary>
    public static IReadOnlyList<Fault> ParseFaults(string text, List<string> problems)
    {
        List<Fault> faults = [];
        foreach (var word in text.Split(',', StringSplitOptions.TrimEntries))
        {
            if (word == "partition")
                problems.Add("--faults partition: the processes of a local cluster share one network; cut links between hosts of their own.");
            else if (Enum.TryParse<Fault>(word, ignoreCase: true, out var fault) && Enum.IsDefined(fault) && !char.IsDigit(word[0]))
                faults.Add(fault);
            else
                problems.Add($"--faults {text}: '{word}' is none of {string.Join(", ", Enum.GetNames<Fault>().Select(name => name.ToLowerInvariant()))}.");
        }

        return faults;
    }
}
