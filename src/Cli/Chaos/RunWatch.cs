using System.Globalization;
using System.Text.RegularExpressions;
using Ganymede.Messages.Api;

namespace Ganymede.Cli;

/// <summary>What a run's events tell while it goes on: who is a member, who was suspected and evicted, how much memory nodes take. Thread-safe.</summary>
internal sealed partial class RunWatch
{
    private readonly Lock _lock = new();
    private readonly List<(DateTimeOffset Time, string Text)> _said = [];
    private readonly Dictionary<string, List<long>> _memory = [];
    private string[] _members = [];
    private long _view;

    /// <summary>The newest view and its members, by the names of their processes.</summary>
    public (long Number, IReadOnlyList<string> Members) View
    {
        get
        {
            lock (_lock)
                return (_view, _members);
        }
    }

    /// <summary>Resident memory of the node that was heard longest, in the last quarter of its reports relative to the second.</summary>
    public double MemoryGrowth
    {
        get
        {
            lock (_lock)
            {
                var longest = _memory.Values.OrderByDescending(reports => reports.Count).FirstOrDefault() ?? [];
                var quarter = longest.Count / 4;
                return quarter == 0 ? 1 : longest.TakeLast(quarter).Average() / longest.Skip(quarter).Take(quarter).Average();
            }
        }
    }

    /// <summary>Follows a run to its end.</summary>
    /// <exception cref="FailedException">It failed.</exception>
    public async Task<RunResult> FollowAsync(CoordinatorClient client, string id, CancellationToken cancel)
    {
        await foreach (var happened in client.FollowAsync(JobKind.Runs, id, cancel))
        {
            Take(happened);
            if (happened.Kind == RunEventKind.Finished)
                return happened.Result!;
            if (happened.Kind == RunEventKind.Failed)
                throw new FailedException(happened.Text);
        }

        throw new FailedException($"{id}: its events ended without a result.");
    }

    public void Take(RunEvent happened)
    {
        lock (_lock)
        {
            foreach (var node in happened.Progress?.Nodes ?? [])
            {
                if (!_memory.TryGetValue(node.Node, out var reports))
                    _memory[node.Node] = reports = [];
                reports.Add(node.ResidentBytes);
            }

            if (happened.Kind != RunEventKind.State)
                return;
            _said.Add((happened.Time, happened.Text));
            if (ViewBegins().Match(happened.Text) is { Success: true } view)
            {
                _view = long.Parse(view.Groups[1].Value, CultureInfo.InvariantCulture);
                _members = [.. Owner().Matches(happened.Text).Select(owner => ProcessOf(owner.Groups[1].Value))];
            }
        }
    }

    /// <summary>When something was first said since then, and what; null for nothing.</summary>
    public (DateTimeOffset Time, string Text)? FirstSince(DateTimeOffset time, string what)
    {
        lock (_lock)
            return _said.Where(said => said.Time >= time && said.Text.Contains(what, StringComparison.Ordinal)).Select(said => ((DateTimeOffset, string)?)said).FirstOrDefault();
    }

    /// <summary>Who was evicted since then, and when.</summary>
    public IReadOnlyList<(string Process, DateTimeOffset Time)> EvictedSince(DateTimeOffset time)
    {
        lock (_lock)
        {
            return [.. _said.Where(said => said.Time >= time).Select(said => (Match: Evicted().Match(said.Text), said.Time))
                .Where(said => said.Match.Success).Select(said => (ProcessOf(said.Match.Groups[1].Value), said.Time))];
        }
    }

    /// <summary>A node's id is the name of its process and a part that no restart repeats.</summary>
    private static string ProcessOf(string node) => node[..Math.Max(0, node.LastIndexOf('-'))];

    [GeneratedRegex(@"^View ([0-9]+) from ")]
    private static partial Regex ViewBegins();

    [GeneratedRegex(@"(\S+) has shards ")]
    private static partial Regex Owner();

    [GeneratedRegex(@"^Evicted (\S+): ")]
    private static partial Regex Evicted();
}
