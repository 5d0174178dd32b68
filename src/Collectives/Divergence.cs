namespace Ganymede.Collectives;

internal static class Divergence
{
    /// <summary>Which parties' fingerprints differ from that of the majority, or from <paramref name="self"/>'s where no value has one.
    /// 0 is no fingerprint and differs from none.</summary>
    public static int[] Find(ReadOnlySpan<ulong> fingerprints, int self)
    {
        var (given, agreed) = (0, true);
        ulong candidate = 0;
        var votes = 0;
        foreach (var value in fingerprints)
        {
            if (value == 0)
            {
                continue;
            }

            // Boyer and Moore's majority vote: if any value has a majority, it is the candidate in the end.
            given++;
            agreed &= votes == 0 ? given == 1 : value == candidate;
            (candidate, votes) = votes == 0 ? (value, 1) : (candidate, votes + (value == candidate ? 1 : -1));
        }

        if (agreed)
        {
            return [];
        }

        var expected = fingerprints.Count(candidate) * 2 > given || fingerprints[self] == 0 ? candidate : fingerprints[self];
        var diverged = new List<int>();
        for (var party = 0; party < fingerprints.Length; party++)
        {
            if (fingerprints[party] != 0 && fingerprints[party] != expected)
            {
                diverged.Add(party);
            }
        }

        return [.. diverged];
    }
}
