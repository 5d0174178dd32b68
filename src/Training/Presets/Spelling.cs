namespace Ganymede.Training;

/// <summary>Suggests the name a user may have meant.</summary>
internal static class Spelling
{
    /// <summary>", did you mean X?" with the nearest of <paramref name="known"/>.</summary>
    public static string DidYouMean(string typed, IEnumerable<string> known) => $", did you mean {Nearest(typed, known)}?";

    /// <summary>
    /// The known name at the smallest edit distance, case aside. A dotted name also counts by its last part, so that
    /// <c>noise</c> finds <c>generator.noise</c>. Of equals the first wins.
    /// </summary>
    public static string Nearest(string typed, IEnumerable<string> known) => known.MinBy(name =>
    {
        var whole = 2 * Distance(typed, name);
        var part = name.LastIndexOf('.');
        return part < 0 || typed.Contains('.') ? whole : Math.Min(whole, 2 * Distance(typed, name[(part + 1)..]) + 1);
    })!;

    /// <summary>Levenshtein distance: the fewest insertions, deletions and substitutions, upper and lower case being equal.</summary>
    public static int Distance(string from, string to)
    {
        var row = Enumerable.Range(0, to.Length + 1).ToArray();
        for (var i = 1; i <= from.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= to.Length; j++)
            {
                var substituted = diagonal + (char.ToLowerInvariant(from[i - 1]) == char.ToLowerInvariant(to[j - 1]) ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(substituted, Math.Min(row[j], row[j - 1]) + 1);
            }
        }

        return row[to.Length];
    }
}
