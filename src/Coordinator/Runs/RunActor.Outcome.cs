using Akka.Actor;
using Akka.Event;
using Ganymede.Messages;
using Ganymede.Messages.Api;

namespace Ganymede.Coordinator.Runs;

/// <summary>What the members have to show: files, progress, their end.</summary>
public sealed partial class RunActor
{
    private void Announce(ArtifactWritten written)
    {
        if (written.Kind == "checkpoint")
            (_checkpointWanted, _checkpointStep) = (false, written.Step);
        Say(RunEventKind.Artifact, $"{written.Kind} of step {written.Step}: {written.Path}");
    }

    /// <summary>All members say it; the first word counts.</summary>
    private void Announce(ControllerActed acted)
    {
        if (acted.Step <= _controlledStep)
            return;
        _controlledStep = acted.Step;
        if (acted.Stops)
            _stopReason ??= acted.Reason;
        Say(RunEventKind.State, acted.Reason);
    }

    private void Accept(ProgressReport report)
    {
        _state = _state.Accept(report);
        Carry(_views?.Observe(report, Now));
    }

    private void ReportProgress()
    {
        if (_state.Progress.IsEmpty)
            return;

        // Members are never more than one phase apart, and most of them report seldom.
        var newest = _state.Progress.Values.MaxBy(report => report.Step)!;
        var rate = _rate.Observe(newest.Step);
        _telemetry.ImagesPerSecond = rate * _request.Batch;
        if (newest.Step == _lastReportedStep)
            return;

        _lastReportedStep = newest.Step;
        var progress = new RunProgress(
            newest.Step, _request.Steps, newest.DiscriminatorLoss, newest.GeneratorLoss, rate, rate * _request.Batch,
            rate > 0 ? (_request.Steps - newest.Step) / rate : 0,
            [.. _state.Progress.Values.OrderBy(report => report.Node.Value, StringComparer.Ordinal)
                .Select(report => new NodeProgress(report.Node.Value, report.Step, report.LiveTensors, report.ResidentBytes)
                {
                    Shards = _state.View?.Members.FirstOrDefault(member => member.Node == report.Node)?.ShardCount ?? 0,
                    SecondsPerShard = report.ShardTime is { Shards: > 0 } time ? time.Seconds / time.Shards : null,
                })]);
        _progress = progress;
        Publish();
        _events.Append(new RunEvent
        {
            Kind = RunEventKind.Progress,
            Text = $"step {progress.Step}/{progress.Steps}, D {progress.DiscriminatorLoss:0.000}, G {progress.GeneratorLoss:0.000}, {progress.ImagesPerSecond:0} images/s",
            Progress = progress,
        });
    }

    private void Accept(MemberFinished finished)
    {
        if (_state.Phase != RunPhase.Training)
            return;
        _state = _state.Accept(finished);
        if (_pausedBy is not null)
        {
            Say(RunEventKind.State, $"The run has ended before it could be paused (for {_pausedBy})");
            Unpause("it has ended");
        }

        Carry(_views!.Finish(finished, Now));
        if (_state.Phase != RunPhase.Training || !_state.AllFinished)
            return;

        ReportProgress();
        if (_state.FinishedDifference() is { } difference)
        {
            Fail($"Members ended differently: {difference}", badInput: false);
            return;
        }

        var lead = _state.Finished[_state.View!.Members[0].Node];
        var result = Result(lead);
        TellMembers(new RunOver(_run));
        _state = _state with { Phase = RunPhase.Over };
        _telemetry.Ended(result.Stopped ? RunOutcome.Stopped : RunOutcome.Finished);
        (_end, _endedAt) = (result.Stopped ? "stopped" : "finished", _time.GetUtcNow());
        _text = result.Stopped
            ? $"Stopped after step {result.Steps}: {_stopReason ?? "asked to"}; --resume continues"
            : $"Done: {result.Steps} steps, weights {result.WeightsSha256}";
        _events.Append(new RunEvent { Kind = RunEventKind.Finished, Text = _text, Result = result });
        Context.Stop(Self);
    }

    private RunResult Result(MemberFinished lead)
    {
        var images = (lead.Step - lead.FirstStep) * _request.Batch;
        return new RunResult
        {
            Run = _run.Value,
            Folder = _request.Folder,
            Preset = _request.PresetName,
            Data = _request.Data,
            Steps = lead.Step,
            Stopped = lead.Stopped && lead.Step < _request.Steps, // a stop that came with the last step stopped nothing
            Nodes = _state.View!.Members.Length,
            Replicas = _state.View.Members.Sum(member => member.Replicas),
            Shards = _request.Shards,
            GlobalBatch = _request.Batch,
            Seed = _request.Seed,
            SecondsTraining = lead.SecondsTraining,
            ImagesPerSecond = lead.SecondsTraining > 0 ? images / lead.SecondsTraining : 0,
            PhaseSeconds = new PhaseSecondsResult(lead.Phases.Compute, lead.Phases.ExposedCommunication, lead.Phases.Optimizer),
            WeightsSha256 = lead.WeightsSha256,
            Views = _state.View.Number,
            SamplesCommitted = lead.SamplesCommitted,
            Checkpoint = lead.Checkpoint,
            Grid = lead.Grid,
        };
    }

    private void Accept(MemberFailed failed)
    {
        var isJoiner = _state.Phase == RunPhase.Training && !_state.IsMember(failed.Node);
        _invited.Remove(failed.Node);

        // Who came in with this view, or is out of it already, costs the run nothing that it had before.
        if (_state.Phase == RunPhase.Training && _views is { } views && (views.Lost.ContainsKey(failed.Node) || views.Joined.Contains(failed.Node)))
        {
            Carry(views.Gone(failed.Node, $"failed: {failed.Reason}", Now, isGone: false));
            return;
        }

        if (isJoiner)
        {
            Say(RunEventKind.State, $"{failed.Node} cannot join: {failed.Reason}");
            Carry(_views!.Gone(failed.Node, "failed", Now));
            _leaving = _leaving.Add(failed.Node); // it is not asked again
        }
        else if (_state.IsMember(failed.Node) || _state.IsChosen(failed.Node))
        {
            Fail(failed.BadInput ? failed.Reason : $"{failed.Node}: {failed.Reason}", failed.BadInput);
        }
    }

    protected override void Fail(string reason, bool badInput)
    {
        if (_state.Phase == RunPhase.Over)
            return;

        _log.Warning("Run {Run} failed: {Reason}", _run, reason);
        TellMembers(new AbortRun(_run, reason));
        _state = _state with { Phase = RunPhase.Over };
        _telemetry.Ended(RunOutcome.Failed);
        (_end, _endedAt, _text) = ("failed", _time.GetUtcNow(), reason);
        _events.Append(new RunEvent { Kind = RunEventKind.Failed, Text = reason, BadInput = badInput });
        Context.Stop(Self);
    }
}
