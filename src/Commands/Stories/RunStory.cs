using System.Globalization;
using System.Text.Json;
using Ganymede.Messages.Api;

namespace Ganymede.Commands;

/// <summary>
/// What happened in a run, in words, from what it left in its folder: the Coordinator's events, the members' flight records and
/// the ledger. Pure; nothing is asked of a running cluster.
/// </summary>
public static class RunStory
{
    /// <summary>Words with which events begin that say nothing about who trained.</summary>
    private static readonly string[] Dull = ["Waiting for nodes", "Run ", "Preparing "];

    /// <exception cref="FileNotFoundException">There is no run in the folder.</exception>
    public static IEnumerable<string> Tell(string folder)
    {
        var path = Path.Combine(folder, "events.jsonl");
        if (!File.Exists(path))
            throw new FileNotFoundException($"{folder}: holds no run (no events.jsonl).");

        var events = Lines<RunEvent>(path).ToArray();
        var flights = Directory.Exists(Path.Combine(folder, FlightEvent.Folder))
            ? Directory.GetFiles(Path.Combine(folder, FlightEvent.Folder), "*.jsonl").Order(StringComparer.Ordinal).SelectMany(Lines<FlightEvent>).ToArray()
            : [];
        foreach (var happened in events.Where(IsTold))
        {
            yield return string.Create(CultureInfo.InvariantCulture, $"{happened.Time:HH:mm:ss.fff}  {happened.Text}");
            if (ViewNumber(happened.Text) is { } view && Recovery(view, events, flights) is { } recovery)
                yield return $"              {recovery}";
        }

        yield return "";
        foreach (var line in WhoWasLate(flights))
            yield return line;
        var ledger = LedgerCheck.Read(folder);
        yield return $"ledger: {(ledger.Problem is null ? "" : "NOT WHOLE: ")}{ledger}";
    }

    private static bool IsTold(RunEvent happened) =>
        happened.Kind is RunEventKind.Failed or RunEventKind.Finished
        || (happened.Kind == RunEventKind.State && !Dull.Any(word => happened.Text.StartsWith(word, StringComparison.Ordinal)));

    private static long? ViewNumber(string text) =>
        text.StartsWith("View ", StringComparison.Ordinal)
        && long.TryParse(text.AsSpan(5, Math.Max(0, text.IndexOf(' ', 5) - 5)), NumberStyles.None, CultureInfo.InvariantCulture, out var view) ? view : null;

    /// <summary>From the first word of trouble in the view before to the first sum in this one.</summary>
    private static string? Recovery(long view, RunEvent[] events, FlightEvent[] flights)
    {
        var trouble = flights.Where(happened => happened.What == "suspect" && happened.View == view - 1).Select(happened => (DateTimeOffset?)happened.Time).Min();
        var goesOn = flights.Where(happened => happened.What == "sum" && happened.View == view).Select(happened => (DateTimeOffset?)happened.Time).Min();
        return trouble is { } from && goesOn is { } to && to > from
            ? string.Create(CultureInfo.InvariantCulture, $"the next sum came {(to - from).TotalMilliseconds:0} ms after the first suspicion")
            : null;
    }

    /// <summary>In a view all wait for the slowest: it computes longest and waits least.</summary>
    private static IEnumerable<string> WhoWasLate(FlightEvent[] flights)
    {
        foreach (var view in flights.Where(happened => happened.What is "compute" or "sum").GroupBy(happened => happened.View).OrderBy(group => group.Key))
        {
            var members = view.GroupBy(happened => happened.Node)
                .Select(member => (Node: member.Key, Compute: Mean(member, "compute"), Wait: Mean(member, "sum")))
                .Where(member => double.IsFinite(member.Compute)).OrderByDescending(member => member.Compute).ToArray();
            if (members.Length < 2)
                continue;
            var figures = string.Join(", ", members.Select(member => string.Create(
                CultureInfo.InvariantCulture, $"{member.Node} computes {member.Compute:0.0} ms{(double.IsFinite(member.Wait) ? $" and waits {member.Wait:0.0}" : ", and no sum came")}")));
            var late = members[0].Compute > 1.25 * members[^1].Compute ? $"; the others wait for {members[0].Node}" : "";
            yield return string.Create(CultureInfo.InvariantCulture, $"view {view.Key}, mean of a phase: {figures}{late}");
        }
    }

    private static double Mean(IEnumerable<FlightEvent> events, string what) =>
        events.Where(happened => happened.What == what).Select(happened => happened.Milliseconds).DefaultIfEmpty(double.NaN).Average();

    /// <summary>A line that cannot be read, such as a torn last one, is left out.</summary>
    private static IEnumerable<T> Lines<T>(string path)
    {
        foreach (var line in File.ReadLines(path))
        {
            T? read;
            try
            {
                read = JsonSerializer.Deserialize<T>(line, ApiJson.Options);
            }
            catch (JsonException)
            {
                continue;
            }

            if (read is not null)
                yield return read;
        }
    }
}
