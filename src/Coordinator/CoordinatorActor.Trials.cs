using System.Collections.Immutable;
using Ganymede.Messages.Api;

namespace Ganymede.Coordinator;

/// <summary>Which runs go on, and which nodes they may have: one run has the whole cluster, or several trials have nodes of their own.</summary>
public sealed partial class CoordinatorActor
{
    /// <summary>Trials that go on, with the nodes they were asked for.</summary>
    private ImmutableDictionary<string, int> _trials = [];

    /// <summary>Nodes that belong to a trial.</summary>
    private readonly Dictionary<string, string> _trialOf = new(StringComparer.Ordinal);

    private string ActiveRuns => _activeRun ?? string.Join(", ", _trials.Keys.Order(StringComparer.Ordinal));

    private ImmutableArray<KnownNode> Free => [.. _nodes.Values.Where(node => node.Registration.DrainedBy is null && !_trialOf.ContainsKey(node.Id.Value))];

    private bool IsActive(string run) => run == _activeRun || _trials.ContainsKey(run);

    /// <summary>The run that is meant where none is named; null if there is none, or more than one.</summary>
    private string? OnlyActive => _activeRun ?? (_trials.Count == 1 ? _trials.Keys.Single() : null);

    /// <summary>What stands in the way of a run now; null for nothing.</summary>
    private string? WhyNotNow(RunRequest request)
    {
        if (_activeRun is not null)
            return $"Run {_activeRun} is still going on; this cluster trains one run at a time.";
        if (!request.Trial)
            return _trials.IsEmpty ? null : $"Trials are still going on: {ActiveRuns}.";
        var free = Free.Length;
        return free >= request.Nodes ? null : $"{free} of {request.Nodes} nodes are free for another trial; {_trials.Count} go on.";
    }

    private void Activate(string run, RunRequest request)
    {
        if (!request.Trial)
        {
            _activeRun = run;
            return;
        }

        _trials = _trials.Add(run, request.Nodes);
        foreach (var node in _nodes.Values.Where(node => node.Registration.Run?.Run.Value == run)) // taken over: they are in it
            _trialOf[node.Id.Value] = run;
        Assign();
    }

    private void EndTrial(string run)
    {
        _trials = _trials.Remove(run);
        foreach (var node in _trialOf.Where(pair => pair.Value == run).Select(pair => pair.Key).ToArray())
            _trialOf.Remove(node);
        if (_trials.IsEmpty)
            return;
        Assign();
        TellJobs([]);
    }

    /// <summary>Gives free nodes to trials that have too few: to a new one, and to one that has lost some.</summary>
    private void Assign()
    {
        foreach (var (run, wanted) in _trials.OrderBy(pair => pair.Key, StringComparer.Ordinal))
        {
            foreach (var node in Free.Take(Math.Max(0, wanted - _trialOf.Values.Count(its => its == run))))
                _trialOf[node.Id.Value] = run;
        }
    }

    private ImmutableArray<KnownNode> NodesFor(string job) => _trials.ContainsKey(job)
        ? [.. _nodes.Values.Where(node => _trialOf.GetValueOrDefault(node.Id.Value) == job)]
        : [.. _nodes.Values];
}
