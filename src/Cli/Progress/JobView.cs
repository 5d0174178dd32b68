using Ganymede.Messages.Api;
using Spectre.Console;

namespace Ganymede.Cli;

/// <summary>Shows a job's events while it runs.</summary>
internal abstract class JobView(Terminal terminal)
{
    /// <summary>Classes listed one by one; more would push the rest off the screen.</summary>
    private const int ClassesShown = 40;

    protected Terminal Terminal => terminal;

    public static JobView For(Terminal terminal) => terminal.IsLive ? new LiveView(terminal) : new PlainView(terminal, TimeProvider.System);

    /// <summary>Runs <paramref name="job"/>, which hands its events over as they come.</summary>
    public abstract Task<T> RunAsync<T>(Func<Action<RunEvent>, Task<T>> job);

    protected void ShowData(DataSummary data)
    {
        terminal.Line($"{data.Name}: {Figures.Count(data.Images)} images, {data.Size}x{data.Size}, {(data.Channels == 1 ? "grey" : "RGB")}, {data.Classes.Count} {(data.Classes.Count == 1 ? "class" : "classes")}");
        var most = data.Classes.Count == 0 ? 1 : data.Classes.Max(entry => entry.Images);
        var table = new Table().Border(TableBorder.None).HideHeaders().AddColumns("class", "images", "bar");
        table.Columns[1].RightAligned();
        foreach (var entry in data.Classes.Take(ClassesShown))
            table.AddRow("  " + Markup.Escape(entry.Class), Figures.Count(entry.Images), new string('■', Math.Max(1, 40 * entry.Images / Math.Max(1, most))));
        terminal.People.Write(table);
        if (data.Classes.Count > ClassesShown)
            terminal.Line($"  … and {data.Classes.Count - ClassesShown} more classes");
        foreach (var skipped in data.Skipped)
            terminal.Line($"  left out: {skipped}");
    }
}
