using Akka.Actor;
using Akka.Event;
using Ganymede.Messages;
using Ganymede.Messages.Api;

namespace Ganymede.Coordinator.Runs;

/// <summary>What operators do to the run. Each order is in the log and among the run's events, with who gave it.</summary>
public sealed partial class RunActor
{
    private string? _pausedBy;
    private bool _checkpointWanted;
    private long _checkpointStep = -1;
    private TimeSpan _held = TimeSpan.MinValue;
    private readonly HashSet<NodeId> _drained = [];

    private void Steer(SteerRun order)
    {
        var answer = _state.Phase == RunPhase.Over ? SteeringAnswer.Refusal($"Run {_run} is over.") : order.Order switch
        {
            RunOrder.Pause => Pause(order.By),
            RunOrder.Resume => Resume(order.By),
            RunOrder.Stop => StopBy(order.By),
            RunOrder.Checkpoint => WriteCheckpoint(order.By),
            _ => SteeringAnswer.Refusal($"There is no order {order.Order}."),
        };
        _log.Info("{Order} of run {Run} by {By}: {Answer}", order.Order, _run, order.By, string.Join(" ", answer.Lines));
        Sender.Tell(answer);
        Publish();
    }

    private SteeringAnswer Pause(string by)
    {
        if (_stopReason is not null)
            return SteeringAnswer.Refusal($"Run {_run} is stopping: {_stopReason}");
        if (_pausedBy is not null)
            return SteeringAnswer.Of(_run.Value, $"Run {_run} is paused already, by {_pausedBy}.");

        _pausedBy = by;
        Say(RunEventKind.State, $"Pause asked for by {by}: the run is held at the end of the step in hand");
        WriteRecord();
        Carry(_views?.Pause($"paused by {by}", Now));
        return SteeringAnswer.Of(_run.Value, $"Run {_run} pauses after the step in hand.");
    }

    private SteeringAnswer Resume(string by)
    {
        if (_pausedBy is null)
            return SteeringAnswer.Refusal($"Run {_run} is not paused.");

        Say(RunEventKind.State, $"Resumed by {by}");
        Unpause($"resumed by {by}");
        return SteeringAnswer.Of(_run.Value, $"Run {_run} goes on.");
    }

    /// <summary>Lets the run go on, whoever or whatever wants it to.</summary>
    private void Unpause(string reason)
    {
        if (_pausedBy is null)
            return;
        _pausedBy = null;
        WriteRecord();
        Carry(_views?.Resume(reason, Now));
        TryBegin();
    }

    private void Stop(string reason)
    {
        var isNew = _stopReason is null;
        _stopReason ??= reason;
        Unpause("it is to stop");
        switch (_state.Phase)
        {
            case RunPhase.Training:
                if (isNew)
                    Say(RunEventKind.State, $"Stopping after the step in hand: {reason}");
                TellStop();
                break;
            case RunPhase.Packing or RunPhase.Gathering:
                Fail($"Stopped before training began: {reason}", badInput: false);
                break;
            case RunPhase.Preparing or RunPhase.Over or RunPhase.TakingOver:
                break; // Preparing, taking over: the members are told once they train, and stop after one step. Over: nothing to stop.
            default:
                throw new InvalidOperationException($"Run phase {_state.Phase} has no rule for stopping.");
        }
    }

    /// <summary>Said again every MaxStall: the order may have been lost, and whoever has it takes no notice.</summary>
    private void TellStop()
    {
        _stopTold = Now;
        TellMembers(new StopRun(_run, _stopReason!));
    }

    private SteeringAnswer StopBy(string by)
    {
        if (_stopReason is not null)
        {
            Stop(_stopReason);
            return SteeringAnswer.Of(_run.Value, $"Run {_run} is stopping already: {_stopReason}");
        }

        Stop($"asked to by {by}");
        return SteeringAnswer.Of(_run.Value, $"Run {_run} stops after the step in hand, with a checkpoint.");
    }

    private SteeringAnswer WriteCheckpoint(string by)
    {
        if (_state.Phase != RunPhase.Training || _views is not { } views)
            return SteeringAnswer.Refusal($"Run {_run} is {StateText}; there is nothing to write yet.");
        if (views.RestsAt is { } rest && rest / _request.PhasesPerStep == _checkpointStep)
            return SteeringAnswer.Of(_run.Value, $"Run {_run} is paused at step {rest / _request.PhasesPerStep}, and a checkpoint of that step is written.");

        _checkpointWanted = true;
        Say(RunEventKind.State, $"Checkpoint asked for by {by}");
        Tell(views.View.Members[0].Node, new CheckpointRun(_run, $"asked for by {by}"));
        return SteeringAnswer.Of(_run.Value, views.RestsAt is null
            ? $"Run {_run} writes a checkpoint after the step in hand."
            : $"Run {_run} is paused; it writes a checkpoint after the first step when it goes on.");
    }

    /// <summary>Nodes that were drained leave the run; those that are not any more may come again.</summary>
    private void FollowDrained()
    {
        foreach (var node in _nodes)
        {
            if (node.Registration.DrainedBy is null)
            {
                if (_drained.Remove(node.Id))
                    _leaving = _leaving.Remove(node.Id);
            }
            else if (IsInvolved(node.Id) && _drained.Add(node.Id))
            {
                Accept(new LeaveRun(_run, node.Id, $"drained by {node.Registration.DrainedBy}"));
            }
        }
    }

    private bool IsInvolved(NodeId node) =>
        (_state.Phase == RunPhase.Preparing && _state.IsChosen(node))
        || (_state.Phase == RunPhase.Training && (_views!.IsMember(node) || _views.IsJoining(node) || _invited.ContainsKey(node)));

    /// <summary>Members of a paused run wait for as long as this says that somebody will come back to them.</summary>
    private void HoldMembers()
    {
        if (_pausedBy is null || (_held != TimeSpan.MinValue && Now - _held < _deadlines.MaxStall / 2))
            return;
        _held = Now;
        TellMembers(new HoldRun(_run));
        if (_state.Phase == RunPhase.Training && _views!.RestsAt is not null)
            Probe(_views.View.Members.Where(member => _views.IsMember(member.Node)));
    }

    /// <summary>So that another Coordinator knows that the run is paused, too, and which view was the newest.</summary>
    private void WriteRecord()
    {
        if (_pack is null)
            return;
        try
        {
            new RunRecord(_run.Value, _request, _pack.Sha256, _pack.Bytes) { PausedBy = _pausedBy, View = _state.View?.Number ?? 0, ViewsBefore = _pack.ViewsBefore }.Write();
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            Say(RunEventKind.State, $"The run's record cannot be written, so that another Coordinator would not know how it stands: {error.Message}");
        }
    }
}
