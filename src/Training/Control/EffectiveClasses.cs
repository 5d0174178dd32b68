namespace Ganymede.Training;

/// <summary>
/// How many classes a histogram effectively has: 1 / sum p^2, the inverse of Simpson's index (Hill's number of order 2; Hill, 1973). Y for Y equally
/// frequent classes, 1 when there is one left. Without logarithms, so the same bits on every machine.
/// </summary>
internal static class EffectiveClasses
{
    /// <returns>1..Y; NaN for an empty histogram.</returns>
    public static double Of(IEnumerable<double> counts)
    {
        var (sum, squares) = (0.0, 0.0);
        foreach (var count in counts)
        {
            sum += count;
            squares += count * count;
        }

        return sum * sum / squares;
    }
}
