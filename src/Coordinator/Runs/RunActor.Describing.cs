using System.Globalization;
using Akka.Actor;
using Ganymede.Messages;
using Ganymede.Messages.Api;

namespace Ganymede.Coordinator.Runs;

/// <summary>The run as others see it: told to the Coordinator's front whenever something has changed.</summary>
public sealed partial class RunActor
{
    private const int ViewsKept = 200;

    private sealed record PublishDue
    {
        public static readonly PublishDue Instance = new();
    }

    private readonly DateTimeOffset _begun;
    private readonly Queue<ViewDescription> _viewHistory = [];
    private RunProgress? _progress;
    private DateTimeOffset? _endedAt;
    private string? _end;
    private string _text = "";
    private bool _publishDue;

    /// <summary>After the message in hand, so that several changes are told once.</summary>
    private void Publish()
    {
        if (_publishDue)
            return;
        _publishDue = true;
        Self.Tell(PublishDue.Instance);
    }

    private void PublishNow()
    {
        _publishDue = false;
        Context.Parent.Tell(Describe());
    }

    private void Remember(ViewDecision.Issue issue)
    {
        _viewHistory.Enqueue(new ViewDescription(
            issue.View.Number, _time.GetUtcNow(), issue.Position / _request.PhasesPerStep, (issue.Position + 1) % _request.PhasesPerStep == 0 ? "G" : "D", issue.Reason,
            [.. issue.View.Members.Select(member => string.Create(CultureInfo.InvariantCulture, $"{member.Node}: {member.FirstShard}..{member.FirstShard + member.ShardCount - 1}"))]));
        if (_viewHistory.Count > ViewsKept)
            _viewHistory.Dequeue();
    }

    private string StateText => _end ?? _state.Phase switch
    {
        RunPhase.Packing => "packing",
        RunPhase.TakingOver => "taking over",
        RunPhase.Gathering => "gathering",
        RunPhase.Preparing => _pausedBy is not null && _state.AllPrepared ? "paused" : "preparing",
        RunPhase.Training => _stopReason is not null ? "stopping" : _pausedBy is null ? "training" : _views?.RestsAt is null ? "pausing" : "paused",
        _ => "over",
    };

    private RunDescription Describe()
    {
        var moves = _state.Phase == RunPhase.Training && _views?.RestsAt is null;
        var rate = moves ? _progress?.ImagesPerSecond ?? 0 : 0;
        return new RunDescription(
            _run.Value, StateText, _request.PresetName, _request.Data, _request.Folder, _request.Seed, StepNow, _request.Steps, _request.Batch,
            _request.Shards, _request.Nodes, _begun, _endedAt, _progress?.DiscriminatorLoss, _progress?.GeneratorLoss,
            moves ? _progress?.StepsPerSecond ?? 0 : 0, rate, moves ? _progress?.SecondsLeft ?? 0 : 0, _state.View?.Number ?? 0, _pausedBy, _text,
            [.. Members(rate)], [.. _viewHistory]);
    }

    private long StepNow => Math.Max(
        _views?.RestsAt / _request.PhasesPerStep ?? 0, Math.Max(_progress?.Step ?? 0, _state.Finished.Values.Select(finished => finished.Step).DefaultIfEmpty(0).Max()));

    private IEnumerable<MemberDescription> Members(double imagesPerSecond)
    {
        if (_state.Phase == RunPhase.Preparing)
        {
            foreach (var member in _state.Chosen)
                yield return Member(member, _state.Prepared.ContainsKey(member.Node) ? "ready" : "preparing", 0);
        }
        else if (_views is { } views)
        {
            foreach (var member in views.View.Members)
                yield return Member(member, StateOf(member.Node, views), imagesPerSecond * member.ShardCount / _request.Shards);
            foreach (var joiner in views.Joining)
                yield return Member(joiner, "joining", 0);
            foreach (var invited in _invited.Keys)
                yield return new MemberDescription(invited.Value, "preparing", 0, 0, 0, 0, 0, 0);
        }
    }

    private string StateOf(NodeId node, Views views) =>
        _state.Finished.ContainsKey(node) ? "finished"
        : views.Lost.ContainsKey(node) ? "lost"
        : views.Leaving.Contains(node) ? "leaving"
        : views.RestsAt is not null ? "paused"
        : views.Stage == ViewStage.Changing ? views.Halted.ContainsKey(node) ? "halted" : "awaited"
        : "training";

    private MemberDescription Member(ViewMember member, string state, double imagesPerSecond)
    {
        var report = _state.Progress.GetValueOrDefault(member.Node);
        return new MemberDescription(
            member.Node.Value, state, member.FirstShard, member.ShardCount, report?.Step ?? 0, imagesPerSecond, report?.LiveTensors ?? 0, report?.ResidentBytes ?? 0);
    }
}
