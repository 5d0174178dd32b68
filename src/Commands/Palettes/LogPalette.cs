using System.Runtime.CompilerServices;
using Akka.Event;
using Microsoft.Extensions.Logging;
using LogLevel = Microsoft.Extensions.Logging.LogLevel;
using static Ganymede.Commands.Define;

namespace Ganymede.Commands;

/// <summary>What this process logs, and how much.</summary>
internal static class LogPalette
{
    public static PbmPalette Create() => new("log", "the log of this process",
    [
        Stream("tail", "Prints the log as it is written.", Tail, Optional("-l", "level", "Lines of this level and above. [default: all that are logged]")),
        Command("peek", "Prints the newest lines.", Lines(call => call.Context.Logs.Newest((int)(call.Whole("count", 1, LogBook.Kept) ?? 20))),
            Optional("-n", "count", "How many. [default: 20]")),
        Command("level", "Tells the levels; with -l it sets one, until the process ends.", Lines(Level),
            Optional("-l", "level", "Trace, Debug, Information, Warning, Error, Critical or None."),
            Optional("-c", "category", "Category, such as Ganymede.GpuNode or Akka. [default: Default, which is all the rest]")),
    ]);

    private static IEnumerable<string> Level(PbmCall call)
    {
        if (!call.Has("level"))
        {
            if (call.Has("category"))
                throw PbmException.Usage("-c goes with -l: the level that the category is to have.");
            return call.Context.Levels.All.Select(pair => $"{pair.Category}: {pair.Level}");
        }

        var (level, category) = (Read(call["level"]), call.Has("category") ? call["category"] : "Default");
        if (category.Length > 200 || category.Any(c => !char.IsAsciiLetterOrDigit(c) && c is not ('.' or '_' or '-' or '`' or '+')))
            throw PbmException.Usage("category: letters, digits and dots are expected.");
        call.Context.System.Log.Info("Log level of {Category} is set to {Level} by {By}", category, level, call.By);
        call.Context.Levels.Set(category, level);
        return [$"{category}: {level}"];
    }

    private static LogLevel Read(string text) =>
        Enum.TryParse<LogLevel>(text, ignoreCase: true, out var level) && Enum.IsDefined(level) && !char.IsAsciiDigit(text[0])
            ? level
            : throw PbmException.Usage($"level '{(text.Length > 40 ? text[..40] : text)}': {string.Join(", ", Enum.GetNames<LogLevel>())} are there.");

    private static async IAsyncEnumerable<string> Tail(PbmCall call, [EnumeratorCancellation] CancellationToken cancel)
    {
        var least = call.Has("level") ? Read(call["level"]) : LogLevel.Trace;
        using var reader = call.Context.Logs.Follow();
        await foreach (var entry in reader.Lines.ReadAllAsync(cancel))
        {
            if (entry.Level >= least)
                yield return entry.Text;
        }
    }
}
