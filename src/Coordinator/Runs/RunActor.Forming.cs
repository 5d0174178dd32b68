using System.Collections.Immutable;
using Akka.Actor;
using Ganymede.Messages;
using Ganymede.Messages.Api;

namespace Ganymede.Coordinator.Runs;

/// <summary>From the packed data to the first view, or to the first one after all members were lost: nodes gather, prepare and begin.</summary>
public sealed partial class RunActor
{
    /// <summary>How often members that would go on from different checkpoints are asked to look again.</summary>
    private const int UnlikeTries = 2;

    private int _unlike;

    private void Gather(DataPreparation.Packed packed)
    {
        _pack = packed;
        if (_pausedBy is not null)
            WriteRecord();
        _events.Append(new RunEvent
        {
            Kind = RunEventKind.Data,
            Text = $"{packed.Summary.Name}: {packed.Summary.Images} images of {packed.Summary.Classes.Count} classes, {packed.Bytes / 1e6:0.0} MB packed",
            Data = packed.Summary,
        });
        _state = _state with { Phase = RunPhase.Gathering };
        Timers.StartSingleTimer("gather", GatherDeadlinePassed.Instance, GatherDeadline);
        TryForm();
    }

    private void GatherLate()
    {
        // A run that lost all members takes what it can get; one that never began was asked for so many.
        var there = _nodes.Count(node => node.Registration.DrainedBy is null);
        if (_startingState == StartingState.CheckpointIfAny && there > 0)
            Form(there);
        else
            Fail($"{there} of {_request.Nodes} nodes registered within {GatherDeadline.TotalSeconds:0} s.", badInput: false);
    }

    private void TryForm() => Form(_request.Nodes);

    private void Form(int wanted)
    {
        var there = _nodes.Where(node => node.Registration.DrainedBy is null && (_views is null || _views.MayJoin(node.Id, Now))).Select(node => node.Registration).ToArray();
        if (_state.TryChoose(there, wanted) is not { } formed)
        {
            Say(RunEventKind.State, $"Waiting for nodes: {there.Length} of {wanted}");
            return;
        }

        Timers.Cancel("gather");
        var replicas = formed.Chosen.Sum(member => member.Replicas);
        if (replicas > _request.Shards)
        {
            Fail($"--shards {_request.Shards}: fewer than the {replicas} replicas of {formed.Chosen.Length} nodes; each needs at least one shard.", badInput: true);
            return;
        }

        if (RunState.Difference([.. there.Where(node => formed.IsChosen(node.Node))]) is { } difference)
        {
            Fail(difference, badInput: true);
            return;
        }

        _state = formed;
        _spare = [.. there.Select(node => node.Node).Where(node => !formed.IsChosen(node))];
        Say(RunEventKind.State, $"Preparing {string.Join(", ", formed.Chosen.Select(member => member.Node))}");
        foreach (var member in formed.Chosen)
            Tell(member.Node, Prepare(_startingState));
        Timers.StartSingleTimer("prepare", PrepareDeadlinePassed.Instance, PrepareDeadline);
        Timers.StartPeriodicTimer("views", ViewTick.Instance, _deadlines.Beat);
    }

    private PrepareRun Prepare(StartingState start) =>
        new(_run, Plan(), new PackLocation(_packs.Host, _packs.Port, _pack!.Sha256, _pack.Bytes), start);

    private RunPlan Plan() => new(
        _request.PresetName, _request.Preset, _request.Seed, _request.Steps, _request.Batch, _request.Shards, _request.Folder,
        _request.SampleEvery, _request.CheckpointEvery, _request.MaxStallSeconds, _request.KeepCheckpoints, _request.CriticSteps);

    private void Accept(RunPrepared prepared)
    {
        if (_state.Phase == RunPhase.Training)
        {
            if (_invited.Remove(prepared.Node))
                LetIn(prepared);
            else
                Carry(_views!.Lacks(prepared.Node, Now));
            return;
        }

        // Nodes say it again until they hear of a view.
        if (_state.Phase != RunPhase.Preparing || !_state.IsChosen(prepared.Node) || _state.Prepared.ContainsKey(prepared.Node))
            return;
        SayReady(prepared);
        if (prepared.PassedOver is { } passedOver && passedOver != _passedOver)
            Say(RunEventKind.State, $"Going on from the checkpoint of step {prepared.FirstStep}, as newer ones are not valid: {_passedOver = passedOver}");
        _state = _state.Accept(prepared);
        TryBegin();
    }

    private void LetIn(RunPrepared prepared)
    {
        SayReady(prepared);
        if (Known(prepared.Node) is not { } node)
            return;
        Carry(_views!.Ready(ShardOwnership.Member(node.Registration), Now));
        if (!_views.IsJoining(prepared.Node) && !_views.IsMember(prepared.Node))
            node.Actor.Tell(new AbortRun(_run, "there is no place for this node any more"));
    }

    private void SayReady(RunPrepared prepared) =>
        Say(RunEventKind.State, $"{prepared.Node} is ready{(prepared.PackWasCached ? " (data was cached)" : "")}");

    private void TryBegin()
    {
        if (_state.Phase != RunPhase.Preparing || !_state.AllPrepared)
            return;

        Timers.Cancel("prepare");
        if (_pausedBy is not null)
        {
            Publish();
            return;
        }
        if (_state.PreparedDifference() is { } difference)
        {
            // A checkpoint may have been renamed into place while they looked for the newest one.
            if (_startingState == StartingState.CheckpointIfAny && _unlike++ < UnlikeTries)
                StartAgain($"Members are not alike: {difference} They prepare again");
            else
                Fail($"Members are not alike: {difference}", badInput: false);
            return;
        }

        _unlike = 0;
        var first = _state.Prepared[_state.Chosen[0].Node].FirstStep;
        var view = new View((_state.View?.Number ?? _pack!.ViewsBefore) + 1, ShardOwnership.Even(_state.Chosen, _request.Shards));
        _views = Views.Of(view, _request.PhasesPerStep * first, _request.Shards, _deadlines, Now, _request.Rebalance) with { PhasesPerStep = _request.PhasesPerStep, Evicted = _views?.Evicted ?? ImmutableDictionary<NodeId, Eviction>.Empty };
        Say(RunEventKind.State, $"Training from step {first} to {_request.Steps}");
        Begin(new ViewDecision.Issue(view, _request.PhasesPerStep * first, view.Members[0].Node, 0, [], "all are prepared"));
        Timers.StartPeriodicTimer("progress", ProgressTick.Instance, TimeSpan.FromSeconds(1));
        Invite();
    }

    /// <summary>What was known is gone: from the newest checkpoint, with whoever is there.</summary>
    private void StartAgain(string reason)
    {
        Say(RunEventKind.State, $"{reason}; going on from the newest checkpoint");
        Timers.Cancel("progress");
        // Those that were about to join wait for a member's state, which nobody has any more: they begin anew like the rest.
        TellMembers(new AbortRun(_run, reason));
        _invited.Clear();
        _views = _views is null ? null : _views with { Joining = [] };
        _startingState = StartingState.CheckpointIfAny;
        _state = _state with { Phase = RunPhase.Gathering };
        Timers.StartSingleTimer("gather", GatherDeadlinePassed.Instance, GatherDeadline);
        TryForm();
    }
}
