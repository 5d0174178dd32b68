using Akka.Actor;
using Akka.Event;
using Ganymede.Collectives;
using Ganymede.Messages;
using Ganymede.Messages.Api;

namespace Ganymede.Coordinator.Runs;

/// <summary>Members die, come and leave: what happens goes to <see cref="Views"/>, and what it decides is done here.</summary>
public sealed partial class RunActor
{
    private void Lose(NodeId node, string reason)
    {
        _invited.Remove(node);
        if (_state.Phase == RunPhase.Preparing && _state.IsChosen(node))
        {
            Say(RunEventKind.State, $"{node} {reason} while it prepared; the others go on without it");
            _state = _state.WithoutChosen(node);
            if (_state.Chosen.IsEmpty)
                Fail($"Lost {node} while preparing, and with it the last node of the run.", badInput: false);
            else
                TryBegin();
        }
        else
        {
            Carry(_views?.Gone(node, reason, Now));
        }
    }

    /// <summary>Takes in what the views' state machine made of an event, and does what it decided.</summary>
    private void Carry(Views.Outcome? outcome)
    {
        if (_state.Phase != RunPhase.Training || outcome is not { } happened)
            return;

        _views = happened.Next;
        foreach (var decision in happened.Decisions)
            Carry(decision);
    }

    private void Carry(ViewDecision decision)
    {
        switch (decision)
        {
            case ViewDecision.Halt halt:
                _log.Info("View {View} of run {Run} is over: {Reason}", _views!.View.Number, _run, halt.Reason);
                foreach (var node in halt.Members)
                    Tell(node, new HaltView(_run, _views.View.Number, halt.Reason));
                ProbeAwaited();
                break;
            case ViewDecision.Pause pause:
                Tell(pause.Lead, new PauseView(_run, _views!.View.Number, pause.Reason, pause.Checkpoint));
                break;
            case ViewDecision.Rest rest:
                Say(RunEventKind.State, $"Paused at step {rest.Position / _request.PhasesPerStep} ({rest.Reason})");
                _held = TimeSpan.MinValue;
                HoldMembers();
                break;
            case ViewDecision.Evict evict:
                _telemetry.Evicted();
                Say(RunEventKind.State, $"Evicted {evict.Node}: it {evict.Reason}");
                Tell(evict.Node, new AbortRun(_run, $"evicted: this node {evict.Reason}"));
                break;
            case ViewDecision.Release release:
                _telemetry.Left();
                Say(RunEventKind.State, $"{release.Node} {release.Reason}");
                Tell(release.Node, new RunOver(_run));
                break;
            case ViewDecision.Issue issue:
                Begin(issue);
                break;
            case ViewDecision.Repeat repeat:
                _log.Info("Run {Run}: {Reason}", _run, repeat.Reason);
                if (_issued is { } issued && issued.View.Number == _views!.View.Number) // else another Coordinator issued it
                    Tell(repeat.Node, issued);
                break;
            case ViewDecision.StopRun stop:
                Stop(stop.Reason);
                break;
            case ViewDecision.AllLost lost:
                StartAgain($"No member is left ({lost.Reason})");
                break;
            default:
                throw new InvalidOperationException($"View decision {decision.GetType().Name} has no rule.");
        }
    }

    private void Begin(ViewDecision.Issue issue)
    {
        _state = _state.In(issue.View);
        var phases = _request.PhasesPerStep;
        _telemetry.Began(issue);
        Remember(issue);
        Say(RunEventKind.State, $"View {issue.View.Number} from step {issue.Position / phases}{PhaseName((int)(issue.Position % phases), phases)} ({issue.Reason}): "
            + string.Join(", ", issue.View.Members.Select(member => $"{member.Node} has shards {member.FirstShard}..{member.FirstShard + member.ShardCount - 1}")));
        _issued = new ViewIssued(_run, issue.View, _incarnation, issue.Position, issue.Source, issue.SumHash, [.. issue.Joining], issue.Reason);
        TellMembers(_issued);
        WriteRecord(); // after it is told: of a view that nobody knows a successor would wait for members in vain
        if (_stopReason is not null)
            TellStop();
        if (_checkpointWanted)
            Tell(issue.View.Members[0].Node, new CheckpointRun(_run, "asked for in the view before"));
    }

    /// <summary>Of the phase in hand; nothing at the start of a step.</summary>
    private static string PhaseName(int phase, int phases) => phase == 0 ? "" : phase == phases - 1 ? ", phase G" : $", update {phase + 1} of D";

    private void Tick()
    {
        if (_state.Phase == RunPhase.TakingOver)
            AskMembers();
        if (_state.Phase == RunPhase.Training)
        {
            Carry(_views!.Tick(Now));
            Invite();
            if (_stopReason is not null && Now - _stopTold >= _deadlines.MaxStall)
                TellStop();
        }

        if (_state.Phase is RunPhase.Preparing or RunPhase.Training)
        {
            ProbeAwaited();
            HoldMembers();
        }
    }

    /// <summary>
    /// Asks the processes of those who are awaited whether they live. A port that refuses is the quickest proof of a death; an
    /// answer is a sign of life even where the node's actors are starved.
    /// </summary>
    private void ProbeAwaited()
    {
        var awaited = _state.Phase == RunPhase.Preparing ? [.. _state.Unprepared]
            : _views!.Stage == ViewStage.Changing ? _views.View.Members.Where(member => _views.Awaited.Contains(member.Node)).ToArray()
            : [];
        Probe(awaited);
    }

    private void Probe(IEnumerable<ViewMember> members)
    {
        foreach (var member in members.Where(member => _probing.Add(member.Node)))
        {
            Task.Factory.StartNew(() => new Probed(member.Node, _probe(member)), _ended.Token, TaskCreationOptions.LongRunning, TaskScheduler.Default)
                .PipeTo(Self, failure: _ => new Probed(member.Node, ProbeAnswer.Silent));
        }
    }

    private void Accept(Probed probed)
    {
        _probing.Remove(probed.Node);
        if (probed.Answer == ProbeAnswer.Gone)
        {
            Context.Parent.Tell(new CoordinatorActor.NodeIsGone(probed.Node));
            Lose(probed.Node, "is gone: it listens on its data port no more");
        }
        else if (probed.Answer == ProbeAnswer.Alive && _views is { } views)
            Carry(views.Alive(probed.Node, views.View.Number, Now, byItself: false));
    }

    private void Accept(PeerSuspect suspect)
    {
        Say(RunEventKind.State, $"{suspect.Node} suspects {string.Join(", ", suspect.Suspects)} in view {suspect.View}, step {suspect.Step}"
            + $"{suspect.Phase switch { 0 => ", phase D", 1 => ", phase G", _ => "" }}: {suspect.Text}");
        if (suspect.Diverged)
            _telemetry.Diverged();
        Carry(_views?.Suspect(suspect, Now));
    }

    private void Accept(LeaveRun leave)
    {
        if (!_leaving.Contains(leave.Node))
            Say(RunEventKind.State, $"{leave.Node} wants to leave: {leave.Reason}");
        _spare = _spare.Remove(leave.Node);
        _leaving = _leaving.Add(leave.Node);
        if (_invited.Remove(leave.Node) || (_state.Phase == RunPhase.Training && !_views!.IsMember(leave.Node) && !_views.IsJoining(leave.Node)))
            Tell(leave.Node, new RunOver(_run));
        if (_state.Phase == RunPhase.Preparing && _state.IsChosen(leave.Node))
        {
            Tell(leave.Node, new RunOver(_run));
            Lose(leave.Node, "left");
        }

        Carry(_views?.Leave(leave.Node, Now));
    }

    /// <summary>
    /// Asks nodes to join: those that came after the run was formed, those that were evicted and live; and, when members are
    /// missing, those that were there and were not needed.
    /// </summary>
    private void Invite()
    {
        foreach (var late in _invited.Where(invited => Now - invited.Value >= PrepareDeadline).Select(invited => invited.Key).ToArray())
        {
            _invited.Remove(late);
            Say(RunEventKind.State, $"{late} was asked to join and is not prepared after {PrepareDeadline.TotalSeconds:0} s");
            Tell(late, new AbortRun(_run, "it took too long to prepare"));
        }

        if (_stopReason is not null || !_state.Finished.IsEmpty || _views is not { } views)
            return;

        var members = views.Members.Count(views.IsMember) + views.Joining.Length + _invited.Count;
        var room = views.Room - _nodes.Where(node => _invited.ContainsKey(node.Id)).Sum(node => node.Registration.Devices.Length);
        foreach (var node in _nodes.Where(node => !_invited.ContainsKey(node.Id) && !_leaving.Contains(node.Id) && node.Registration.DrainedBy is null && views.MayJoin(node.Id, Now)))
        {
            if (node.Registration.Devices.Length > room || (_spare.Contains(node.Id) && members >= _request.Nodes) || DiffersFromMembers(node))
                continue;

            _invited.Add(node.Id, Now);
            members++;
            room -= node.Registration.Devices.Length;
            Say(RunEventKind.State, $"Asked {node.Id} to join");
            node.Actor.Tell(Prepare(StartingState.FromMember));
        }
    }

    private bool DiffersFromMembers(KnownNode node) =>
        _nodes.FirstOrDefault(other => _state.IsMember(other.Id)) is { } member && RunState.Difference([member.Registration, node.Registration]) is not null;
}
