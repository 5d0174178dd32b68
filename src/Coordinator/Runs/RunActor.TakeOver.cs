using Akka.Actor;
using Ganymede.Messages;
using Ganymede.Messages.Api;

namespace Ganymede.Coordinator.Runs;

/// <summary>Another Coordinator began the run and is gone: this one leads it on from what its members report.</summary>
public sealed partial class RunActor
{
    /// <summary>
    /// The members train on meanwhile, or wait for a view; what they know and what is written in the folder is all there is to know.
    /// </summary>
    private void TakeOver(RunRecord found)
    {
        _state = _state with { Phase = RunPhase.TakingOver };
        _events.GoOnFrom(Path.Combine(_request.Folder, "events.jsonl"));
        if (_events.Last is { Kind: RunEventKind.Finished or RunEventKind.Failed })
        {
            _state = _state with { Phase = RunPhase.Over }; // the other one had led it to its end, but not told all of its members
            return;
        }

        _packs.Serve(found.PackSha256, DataPreparation.PackPath(_request));
        _pack = new DataPreparation.Packed(
            _events.Data ?? new DataSummary("", 0, _request.Size, _request.Channels, found.PackSha256, [], []), found.PackSha256, found.PackBytes);
        Say(RunEventKind.State, "Another Coordinator takes the run over from its members' reports");
        Timers.StartSingleTimer("take over", TakeOverDeadlinePassed.Instance, RegistrationDeadline + _deadlines.MaxStall);
    }

    private void AskMembers()
    {
        foreach (var node in _nodes.Where(node => node.Registration.Run?.Run == _run && !_reports.ContainsKey(node.Id)))
            node.Actor.Tell(new DescribeMember(_run));
    }

    private View? NewestReported => _reports.Values.Select(known => known.View).MaxBy(view => view?.Number ?? 0);

    private void Accept(MemberReport report)
    {
        if (_state.Phase != RunPhase.TakingOver)
            return;
        _reports[report.Node] = report;
        var newest = NewestReported;
        if (newest is not null && newest.Members.All(member => _reports.ContainsKey(member.Node)))
            EndTakeOver();
    }

    /// <summary>All members of the newest view have reported, or those that have not are late: the run is led from here on.</summary>
    private void EndTakeOver()
    {
        if (_state.Phase != RunPhase.TakingOver)
            return;

        Timers.Cancel("take over");
        Timers.StartPeriodicTimer("views", ViewTick.Instance, _deadlines.Beat);
        if (NewestReported is not { } newest)
        {
            TellMembers(new AbortRun(_run, "the Coordinator changed before training began"));
            StartAgain("the Coordinator changed before training began");
            return;
        }

        var position = _reports.Values.Max(report => report.Position);
        _state = _state.In(newest);
        _views = Views.Of(newest, position, _request.Shards, _deadlines, Now) with { PhasesPerStep = _request.CriticSteps + 1 };
        Timers.StartPeriodicTimer("progress", ProgressTick.Instance, TimeSpan.FromSeconds(1));
        Say(RunEventKind.State, $"Took over in view {newest.Number} with {string.Join(", ", _reports.Keys)}");

        // Who has not heard of the newest view, or has left it, waits for the next one.
        foreach (var report in _reports.Values.Where(report => report.Waits || report.View?.Number != newest.Number))
            Carry(_views.Halt(new MemberHalted(_run, report.Node, newest.Number, report.Position, report.SumHash), Now));
        foreach (var member in newest.Members.Where(member => !_reports.ContainsKey(member.Node) && Known(member.Node) is not null))
            Carry(_views.Gone(member.Node, "is not in the run any more", Now));
        foreach (var member in newest.Members.Where(member => Known(member.Node) is null))
            Carry(_views.Suspect(new PeerSuspect(_run, _reports.Keys.First(_views.IsMember), newest.Number, [member.Node], position / (_request.CriticSteps + 1), -1, -1, 0, Diverged: false, $"{member.Node} did not report to the new Coordinator"), Now));
    }
}
