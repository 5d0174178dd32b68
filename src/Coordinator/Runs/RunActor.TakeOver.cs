using Akka.Actor;
using Ganymede.Messages;
using Ganymede.Messages.Api;

namespace Ganymede.Coordinator.Runs;

/// <summary>Another Coordinator began the run and is gone: this one leads it on from what its members report.</summary>
public sealed partial class RunActor
{
    private readonly Dictionary<NodeId, MemberReport> _reports = [];
    private bool _waitedLonger;

    /// <summary>
    /// The members train on meanwhile, or wait for a view; what they know and what is written in the folder is all there is to know.
    /// </summary>
    private void TakeOver(RunRecord found)
    {
        _state = _state with { Phase = RunPhase.TakingOver };
        var problem = ReadHistory();
        if (_events.Last is { Kind: RunEventKind.Finished or RunEventKind.Failed })
        {
            (_end, _text) = (_events.Last.Kind == RunEventKind.Failed ? "failed" : "finished", _events.Last.Text);
            _state = _state with { Phase = RunPhase.Over }; // the other one had led it to its end, but not told all of its members
            return;
        }

        _packs.Serve(found.PackSha256, DataPreparation.PackPath(_request));
        _pack = new DataPreparation.Packed(
            _events.Data ?? new DataSummary("", 0, _request.Size, _request.Channels, found.PackSha256, [], []), found.PackSha256, found.PackBytes, found.ViewsBefore);
        _pausedBy = found.PausedBy;
        Say(RunEventKind.State, "Another Coordinator takes the run over from its members' reports" + (_pausedBy is null ? "" : $"; it is paused by {_pausedBy}") + problem);
        Timers.StartPeriodicTimer("views", ViewTick.Instance, _deadlines.Beat);
        Timers.StartSingleTimer("take over", TakeOverDeadlinePassed.Instance, RegistrationDeadline + _deadlines.MaxStall);
    }

    /// <summary>The run goes on without its history, if need be; what is wrong with that, or nothing.</summary>
    private string ReadHistory()
    {
        try
        {
            _events.GoOnFrom(Path.Combine(_request.Folder, "events.jsonl"));
            return "";
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return $"; its events are not written any more, or were not read: {error.Message}";
        }
    }

    /// <summary>Again and again, as the question or its answer may be lost. A member that is late gets it too: it reports to whoever has asked last.</summary>
    private void AskMembers()
    {
        foreach (var node in _nodes.Where(IsInRun).Where(node => !_reports.ContainsKey(node.Id)))
            node.Actor.Tell(new DescribeMember(_run));
    }

    private bool IsInRun(KnownNode node) => node.Registration.Run?.Run == _run;

    private View? NewestReported => _reports.Values.Select(known => known.View).MaxBy(view => view?.Number ?? 0);

    private void Accept(MemberReport report)
    {
        _reports[report.Node] = report;
        if (_state.Phase == RunPhase.TakingOver && NewestReported is { } newest && newest.Number >= _found!.View
            && newest.Members.All(member => _reports.ContainsKey(member.Node)))
            EndTakeOver();
    }

    /// <summary>
    /// Nobody has reported the newest view that was issued: its members may live and train, cut off from here. Until the split-brain resolver
    /// has ended those, no other view must begin and no checkpoint be gone back to.
    /// </summary>
    private void TakeOverLate()
    {
        if (_state.Phase != RunPhase.TakingOver)
            return;
        if (_waitedLonger || (NewestReported?.Number ?? 0) >= _found!.View)
        {
            EndTakeOver();
            return;
        }

        _waitedLonger = true;
        Say(RunEventKind.State, $"No member of view {_found.View} has reported; waiting for them, or for their end, for {GatherDeadline.TotalSeconds:0} s");
        Timers.StartSingleTimer("take over", TakeOverDeadlinePassed.Instance, GatherDeadline);
    }

    /// <summary>All members of the newest view have reported, or those that have not are late: the run is led from here on.</summary>
    private void EndTakeOver()
    {
        Timers.Cancel("take over");
        if (NewestReported is not { } newest)
        {
            foreach (var node in _nodes.Where(IsInRun))
                node.Actor.Tell(new AbortRun(_run, "the Coordinator changed before training began"));
            StartAgain("The Coordinator changed before training began");
            return;
        }

        var position = _reports.Values.Max(report => report.Position);
        _incarnation = Math.Max(_incarnation, _reports.Values.Max(report => report.Incarnation) + 1);
        _state = _state.In(newest);
        _views = Views.Of(newest, position, _request.Shards, _deadlines, Now, _request.Rebalance) with
        {
            PhasesPerStep = _request.PhasesPerStep, Hold = _pausedBy is null ? null : $"paused by {_pausedBy}",
        };
        Timers.StartPeriodicTimer("progress", ProgressTick.Instance, TimeSpan.FromSeconds(1));
        Say(RunEventKind.State, $"Took over in view {newest.Number} with {string.Join(", ", _reports.Keys)}");

        // Who has not heard of the newest view, or has left it, waits for the next one.
        foreach (var report in _reports.Values.Where(report => report.Waits || report.View?.Number != newest.Number))
            Carry(_views.Halt(new MemberHalted(_run, report.Node, newest.Number, report.Position, report.SumHash), Now));
        foreach (var member in newest.Members.Where(member => !_reports.ContainsKey(member.Node)))
        {
            if (Known(member.Node) is { } known && !IsInRun(known))
                Carry(_views.Gone(member.Node, "is not in the run any more", Now, isGone: false));
            else
                Carry(_views.Suspect(new PeerSuspect(
                    _run, _reports.Keys.FirstOrDefault(_views.IsMember), newest.Number, [member.Node], position / _request.PhasesPerStep, -1, -1, 0,
                    Diverged: false, $"{member.Node} did not report to the new Coordinator"), Now));
        }

        // What was ordered meanwhile.
        if (_stopReason is not null)
            TellStop();
        FollowDrained();
    }
}
