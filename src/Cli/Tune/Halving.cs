namespace Ganymede.Cli;

/// <summary>
/// Successive halving (Jamieson and Talwalkar, 2016): all candidates train a little, the best part of them trains on, and so on. Trial 0 is the preset as it is: it is
/// in every rung, so that whatever wins has been compared with it at equal length.
/// </summary>
internal static class Halving
{
    public const int Unchanged = 0;

    /// <summary>How many trials are in each rung, the unchanged one not counted: each a part 1/<paramref name="factor"/> of the one before, down to one.</summary>
    public static IReadOnlyList<int> Sizes(int trials, int factor)
    {
        List<int> sizes = [trials];
        while (sizes[^1] > 1)
            sizes.Add((sizes[^1] + factor - 1) / factor);
        return sizes;
    }

    /// <summary>The unchanged trial and the best <paramref name="count"/> others by KID, ascending by number; what could not be judged is the worst.</summary>
    public static IReadOnlyList<int> Promote(IEnumerable<JudgedTrial> judged, int count) =>
    [
        Unchanged,
        .. judged.Where(trial => trial.Trial != Unchanged && trial.Kid is not null).OrderBy(trial => trial.Kid!.Value).ThenBy(trial => trial.Trial)
            .Take(count).Select(trial => trial.Trial).Order(),
    ];

    /// <summary>Steps at which the next rung ends; null when what is left of the budget is not worth one.</summary>
    /// <param name="before">Steps at which the last one ended.</param>
    /// <param name="left">Of the budget.</param>
    /// <param name="rungs">Still to come, this one included: each gets as much time.</param>
    /// <param name="trials">In this rung.</param>
    /// <param name="slots">Trials that train at a time.</param>
    /// <param name="secondsPerStep">Of one trial, as measured beside as many others.</param>
    /// <param name="secondsToJudge">One trial.</param>
    public static long? NextSteps(long before, TimeSpan left, int rungs, int trials, int slots, double secondsPerStep, double secondsToJudge)
    {
        var training = (left.TotalSeconds / rungs) - (trials * secondsToJudge);
        var turns = (trials + slots - 1) / slots;
        var more = (long)(training / turns / secondsPerStep);
        return more >= Math.Max(1, before / 4) ? before + more : null;
    }
}
