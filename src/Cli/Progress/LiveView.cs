using System.Globalization;
using Ganymede.Messages.Api;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Ganymede.Cli;

/// <summary>Progress that redraws itself at the foot of a terminal; changes of state scroll by above it.</summary>
internal sealed class LiveView(Terminal terminal) : JobView(terminal)
{
    public override Task<T> RunAsync<T>(Func<Action<RunEvent>, Task<T>> job) => Terminal.People
        .Live(new Text(""))
        .AutoClear(true)
        .StartAsync(display => job(happened => Show(display, happened)));

    private void Show(LiveDisplayContext display, RunEvent happened)
    {
        switch (happened)
        {
            case { Kind: RunEventKind.Progress, Progress: { } progress }:
                display.UpdateTarget(Panel(progress));
                break;
            case { Kind: RunEventKind.Progress, Generation: { } progress }:
                display.UpdateTarget(new Rows(Bar(progress.Images, progress.Count), new Text(Figures.Line(progress))));
                break;
            case { Kind: RunEventKind.Data, Data: { } data }:
                ShowData(data);
                break;
            case { Kind: RunEventKind.Failed }:
                break; // becomes the command's error message
            default:
                Terminal.Line(happened.Text);
                break;
        }
    }

    internal static IRenderable Panel(RunProgress progress)
    {
        var nodes = new Grid().AddColumn().AddColumn().AddColumn();
        foreach (var node in progress.Nodes)
            nodes.AddRow($"  {Markup.Escape(node.Node)}", $"step {Figures.Count(node.Step)}", $"{Figures.Bytes(node.ResidentBytes)}, {Figures.Count(node.LiveTensors)} tensors");
        return new Rows(Bar(progress.Step, progress.Steps), new Text(Figures.Line(progress)), nodes);
    }

    private static Columns Bar(long done, long all)
    {
        const int width = 40;
        var filled = all <= 0 ? 0 : (int)Math.Clamp(width * done / all, 0, width);
        var share = all <= 0 ? 0 : 100.0 * done / all;
        return new Columns(
            new Markup($"[green]{new string('━', filled)}[/][grey]{new string('━', width - filled)}[/]"),
            new Text(share.ToString("0.0", CultureInfo.InvariantCulture) + " %")) { Expand = false };
    }
}
