using Ganymede.Messages;
using static Ganymede.Commands.Define;

namespace Ganymede.Commands;

/// <summary>Who trains together, now and before.</summary>
internal static class ViewPalette
{
    private static readonly PbmArgument _run = Optional("-r", "run", "The run's id. [default: the one that goes on, or the newest]");

    public static PbmPalette Create() => new("view", "who trains together, and with which shards",
    [
        Command("show", "Tells the newest view of a run and where its members are.", Answer(Show), _run),
        Command("history", "Lists the views of a run: when, from which step, why, with whom.", Answer(History), _run),
    ]);

    private static async Task<IEnumerable<string>> Show(PbmCall call, CancellationToken cancel)
    {
        var run = await RunPalette.Find(call, cancel);
        if (run.Views.LastOrDefault() is not { } view)
            throw new PbmException($"Run {run.Run} is {run.State} and has no view that this Coordinator issued.");
        return
        [
            Text($"view {view.Number} of run {run.Run}, since {view.Time:HH:mm:ss}Z from step {view.Step}{(view.Phase == "D" ? "" : ", phase G")}: {view.Reason}"),
            .. Table([["MEMBER", "STATE", "SHARDS", "STEP"], .. run.Members.Select(member => new[] { member.Node, member.State, RunPalette.Shards(member), Text($"{member.Step}") })]),
        ];
    }

    private static async Task<IEnumerable<string>> History(PbmCall call, CancellationToken cancel)
    {
        var run = await RunPalette.Find(call, cancel);
        return
        [
            .. run.Views.Select((Func<ViewDescription, string>)(view => Text(
                $"{view.Time:HH:mm:ss}Z | view {view.Number} | step {view.Step}{(view.Phase == "D" ? "" : " G")} | {string.Join(", ", view.Members)} | {view.Reason}"))),
            Text($"Count: {run.Views.Length} views"),
        ];
    }
}
