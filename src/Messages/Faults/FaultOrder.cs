using System.Globalization;

namespace Ganymede.Messages;

/// <summary>
/// What is to go wrong, where: <c>"gpu-node-2 DReduce 7"</c>, in the variable <see cref="Variable"/> of the node, or in the file that <see cref="FileVariable"/>
/// names, which may come and go while it runs. The node that gets there claims the file by a rename, so a fault strikes one node, once.
/// </summary>
/// <param name="Node">The name it was started with; <c>*</c> for whichever gets there first.</param>
/// <param name="First">Step from which on it strikes.</param>
/// <param name="Last">Strikes in every step up to this one; null for once.</param>
/// <param name="Milliseconds">Strikes so much later, where the point is one of waiting or writing.</param>
public sealed record FaultOrder(string Node, FaultPoint Point, long First, long? Last = null, int Milliseconds = 1)
{
    public const string Variable = "GANYMEDE_FAULT", FileVariable = "GANYMEDE_FAULT_FILE";

    /// <summary>Appended to the order file's path: what the node left that did it, a <see cref="FaultHit"/>.</summary>
    public const string HitSuffix = ".hit";

    public bool IsDue(string node, FaultPoint point, long step) =>
        Point == point && step >= First && (Last is not { } last || step <= last) && (Node == "*" || Node == node);

    /// <param name="text">Node, point, step or FIRST-LAST, and milliseconds or nothing, separated by blanks.</param>
    /// <exception cref="FormatException">It is something else; says what is expected.</exception>
    public static FaultOrder Parse(string text)
    {
        var words = text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        if (words.Length is 3 or 4 && char.IsLetter(words[1][0]) && Enum.TryParse<FaultPoint>(words[1], out var point) && Enum.IsDefined(point))
        {
            var steps = words[2].Split('-');
            long last = 0;
            var milliseconds = 1;
            if (steps.Length <= 2 && Whole(steps[0], out var first) && (steps.Length == 1 || (Whole(steps[1], out last) && last >= first))
                && (words.Length == 3 || int.TryParse(words[3], NumberStyles.None, CultureInfo.InvariantCulture, out milliseconds)))
                return new FaultOrder(words[0], point, first, steps.Length == 2 ? last : null, milliseconds);
        }

        throw new FormatException(
            $"'{text}' is not a node's name, one of {string.Join(", ", Enum.GetNames<FaultPoint>())}, a step or FIRST-LAST, and milliseconds or nothing.");
    }

    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture, $"{Node} {Point} {First}{(Last is { } last ? $"-{last}" : "")} {Milliseconds}");

    private static bool Whole(string text, out long value) => long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value);
}

/// <summary>A fault struck: what the node wrote down as its last act.</summary>
/// <param name="Ticks">Of the clock that all processes of a machine share (<see cref="System.Diagnostics.Stopwatch.GetTimestamp"/>).</param>
public sealed record FaultHit(string Node, int Pid, FaultPoint Point, long Step, long Ticks, DateTimeOffset Time);
