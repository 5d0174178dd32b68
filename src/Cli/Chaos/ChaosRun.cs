using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using Ganymede.Commands;
using Ganymede.Messages;
using Ganymede.Messages.Api;

namespace Ganymede.Cli;

/// <summary>
/// Trains on a local cluster, does harm to it, and proves that it made no difference: the same number of steps, undisturbed,
/// must end with the same weights, and the ledger must have each sample once.
/// </summary>
internal sealed class ChaosRun(RunRequest request, ClusterFlags.Values nodes, ChaosSettings settings, Terminal terminal)
{
    /// <summary>Of a fault on a busy machine; longer is a hang.</summary>
    private static readonly TimeSpan HangDeadline = TimeSpan.FromSeconds(90);

    /// <summary>For all nodes to be members again after a fault: processes have to start, and who was evicted is asked back late.</summary>
    private static readonly TimeSpan StrengthDeadline = TimeSpan.FromSeconds(60);

    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(5);

    private readonly List<ChaosFault> _faults = [];
    private readonly List<double> _stepSeconds = [];
    private readonly List<Task> _later = [];
    private readonly List<string> _survivorsLost = [];
    private readonly ConcurrentBag<string> _keptOut = [];
    private readonly List<string> _sentAway = [];
    private readonly RunWatch _watch = new();
    private readonly LedgerTail _ledger = new(request.Folder);

    public async Task<ChaosResult> RunAsync(CancellationToken cancel)
    {
        var disturbed = await DisturbAsync(cancel);
        // Any number of nodes comes to the same weights; one for each core is the quickest.
        var quietNodes = Math.Clamp(Environment.ProcessorCount, 1, nodes.Nodes);
        terminal.Line($"The same {Figures.Count(disturbed.Steps)} steps once more, undisturbed, on {Figures.Nodes(quietNodes)}");
        var quiet = await QuietAsync(request with { Folder = Path.Combine(request.Folder, "quiet"), Steps = disturbed.Steps, Nodes = quietNodes }, cancel);
        var kinds = _faults.GroupBy(fault => fault.Kind).OrderBy(group => group.Key, StringComparer.Ordinal).Select(group => Distribution.Of(group.Key, group.Select(fault => fault.SecondsToNextCommit)));
        var step = Distribution.Percentile([.. _stepSeconds.Order()], 0.5);
        return new ChaosResult(
            request.Folder, settings.Seed, _faults.Count(fault => fault.SecondsToNextCommit >= HangDeadline.TotalSeconds), Math.Round(step, 4), Math.Max(1, Math.Round(3 * step, 3)),
            [.. kinds, Distribution.Of("all", _faults.Select(fault => fault.SecondsToNextCommit))],
            request.MaxStallSeconds, Distribution.Of("evictions", _faults.Select(fault => fault.SecondsToEviction).OfType<double>()), _survivorsLost, [.. _keptOut], disturbed.Steps, disturbed.Views,
            disturbed.WeightsSha256, quiet.WeightsSha256, disturbed.WeightsSha256 == quiet.WeightsSha256,
            LedgerCheck.Read(request.Folder) is var ledger && ledger.Problem is null && ledger.Steps != disturbed.Steps
                ? $"the ledger has {ledger.Steps} steps, the run {disturbed.Steps}" : ledger.Problem,
            Math.Round(_watch.MemoryGrowth, 3), _faults);
    }

    private async Task<RunResult> DisturbAsync(CancellationToken cancel)
    {
        using var hosts = settings.NeedsHosts ? new TestHosts() : null;
        var orderFile = Path.Combine(request.Folder, "fault-order");
        await using var cluster = await LocalCluster.StartAsync(
            nodes, request.Folder, cancel,
            new LocalCluster.Settings(LocalCluster.ShortPatience, Hosts: hosts, Environment: new Dictionary<string, string> { [FaultOrder.FileVariable] = orderFile }));
        cluster.RestartsLeft = int.MaxValue;
        using var client = cluster.Connect(nodes.Key);
        RunFolder.WriteRequest(request);
        var id = await client.SubmitAsync(JobKind.Runs, request, cancel);
        var following = _watch.FollowAsync(client, id, cancel);
        await UntilAsync(() => _ledger.Read().Step > 0 || IsOver());

        var schedule = new FaultSchedule(settings);
        var striker = new Striker(cluster, hosts, _watch, _ledger, schedule, orderFile, IsOver);
        var begun = Stopwatch.GetTimestamp();
        while (settings.Each is not null || Stopwatch.GetElapsedTime(begun) < settings.Length)
        {
            await PeaceAsync(schedule.Peace(), cancel);
            if (IsOver() || schedule.Next() is not { } kind)
                break;
            if (await striker.StrikeAsync(kind, cancel) is not { } struck)
            {
                terminal.Line($"{kind.Name}: nothing to hit now");
                continue;
            }

            var fault = await WatchAsync(struck);
            if (fault.SecondsToNextCommit >= HangDeadline.TotalSeconds)
                break;
            await RepairAsync(struck, cluster, client, cancel);
        }

        await Task.WhenAll(_later);
        _survivorsLost.AddRange(cluster.Ended.Except(striker.Touched).Except(_sentAway));
        if (!following.IsCompleted)
            await client.StopAsync(JobKind.Runs, id, cancel);
        if (await Task.WhenAny(following, cluster.Broken) != following)
            throw await cluster.Broken;
        return await following;

        bool IsOver() => following.IsCompleted || cluster.Broken.IsCompleted;

        async Task<ChaosFault> WatchAsync(Struck struck)
        {
            await UntilAsync(() => IsRecovered(struck, _ledger.Read()) || IsOver() || Stopwatch.GetElapsedTime(struck.Ticks) > HangDeadline);
            var seconds = Stopwatch.GetElapsedTime(struck.Ticks).TotalSeconds;
            if (struck.EndsView) // what is said of it comes over HTTP, a moment later
                await UntilAsync(() => _watch.View.Number > struck.Before.View || IsOver() || Stopwatch.GetElapsedTime(struck.Ticks) > HangDeadline);
            long? meanwhile = null;
            if (struck.Kind.Fault == Fault.Coordinator)
            {
                await UntilAsync(() => _watch.FirstSince(struck.Time, "Took over") is not null || IsOver() || Stopwatch.GetElapsedTime(struck.Ticks) > HangDeadline);
                meanwhile = _ledger.Read().Step - struck.Before.Step;
            }

            var fault = FaultReport.Of(struck, seconds, _watch, meanwhile);
            _faults.Add(fault);
            terminal.Line(string.Create(CultureInfo.InvariantCulture,
                $"{fault.Kind} {fault.Victim} at step {fault.Step:N0}: the next step came after {seconds:0.000} s{(fault.SecondsToEviction is { } out_ ? $", the eviction after {out_:0.000}" : "")}{(fault.Named == false ? " NOT NAMED RIGHTLY" : "")}{(meanwhile is { } steps ? $", {steps} steps until another took over" : "")}{(fault.Text is { } text ? $" ({text})" : "")}"));
            return fault;
        }
    }

    private static bool IsRecovered(Struck struck, (long Step, long View) newest) =>
        newest.Step > struck.Before.Step && (!struck.EndsView || newest.View > struck.Before.View);

    /// <summary>Ends what the fault does, and brings the cluster back to its strength: at once where each fault is to hit a whole one, else meanwhile.</summary>
    private async Task RepairAsync(Struck struck, LocalCluster cluster, CoordinatorClient client, CancellationToken cancel)
    {
        var repair = RepairInTimeAsync(struck, cluster, client, cancel);
        if (settings.Each is null)
            _later.Add(repair);
        else
            await repair;
        // Nothing may be done to the last one that knows the run's state.
        var wanted = settings.Each is null ? Math.Min(2, nodes.Nodes) : nodes.Nodes;
        var begun = Stopwatch.GetTimestamp();
        await UntilAsync(() => _watch.View.Members.Count(member => cluster.Nodes.Any(node => node.Name == member)) >= wanted
            || cluster.Broken.IsCompleted || Stopwatch.GetElapsedTime(begun) > StrengthDeadline);
    }

    private async Task RepairInTimeAsync(Struck struck, LocalCluster cluster, CoordinatorClient client, CancellationToken cancel)
    {
        if (struck.Undo is { } undo)
        {
            var left = settings.Pause - Stopwatch.GetElapsedTime(struck.Ticks);
            await Task.Delay(left > TimeSpan.Zero ? left : TimeSpan.Zero, cancel); // how long it lasts, by definition of the fault
            undo();
        }

        for (var i = 0; i < struck.Losses; i++)
            await cluster.AddNodeAsync(cancel);
        if (struck.Kind.Fault == Fault.Lighthouse && cluster.Nodes.Count < request.Shards)
            await JoinAgainAsync(cluster, cancel);

        // Whoever the cluster gave up meanwhile has ended, as a downed process does: its host would start it anew.
        for (var missing = nodes.Nodes - cluster.Nodes.Count; missing > 0 && struck.Kind.Fault == Fault.Partition; missing--)
            await cluster.AddNodeAsync(cancel);
        if (struck.Kind.Fault == Fault.Partition)
            await AnsweredAsync(client, cancel);
    }

    /// <summary>A node can join again once the Lighthouse is back; that it does is seen by its being a member. Where each fault is to meet a cluster of the same size it leaves again.</summary>
    private async Task JoinAgainAsync(LocalCluster cluster, CancellationToken cancel)
    {
        var joiner = await cluster.AddNodeAsync(cancel);
        var begun = Stopwatch.GetTimestamp();
        await UntilAsync(() => IsMember() || cluster.Broken.IsCompleted || Stopwatch.GetElapsedTime(begun) > StrengthDeadline);
        terminal.Line($"{joiner} {(IsMember() ? "has joined" : "has NOT joined")} since the Lighthouse is back");
        if (!IsMember())
            _keptOut.Add(joiner);
        if (settings.Each is null)
            return;

        _sentAway.Add(joiner);
        foreach (var (_, pid) in cluster.Nodes.Where(node => node.Name == joiner))
            ChildProcess.Signal(pid, Striker.Sigterm);
        begun = Stopwatch.GetTimestamp();
        await UntilAsync(() => !cluster.Nodes.Any(node => node.Name == joiner) || cluster.Broken.IsCompleted || Stopwatch.GetElapsedTime(begun) > StrengthDeadline);

        bool IsMember() => _watch.View.Members.Contains(joiner);
    }

    /// <summary>
    /// Waits until every node answers the Coordinator again. A link that is healed carries nothing yet: the kernel sends again what was lost only when its back-off
    /// ends, seconds later, and a fault until then would strike a cluster that suffers from two.
    /// </summary>
    private async Task AnsweredAsync(CoordinatorClient client, CancellationToken cancel)
    {
        var begun = Stopwatch.GetTimestamp();
        foreach (var node in await client.NodesAsync(cancel))
        {
            while (!await client.AnswersAsync(node.Node, cancel) && Stopwatch.GetElapsedTime(begun) < StrengthDeadline)
                terminal.Line($"{node.Node} does not answer the Coordinator yet");
        }
    }

    /// <summary>Lets time pass, and sees how long steps take in it.</summary>
    private async Task PeaceAsync(TimeSpan length, CancellationToken cancel)
    {
        var (begun, first) = (Stopwatch.GetTimestamp(), _ledger.Read().Step);
        await Task.Delay(length, cancel); // the user's own measure of peace between two faults
        if (_ledger.Read().Step - first is > 0 and var steps)
            _stepSeconds.Add(Stopwatch.GetElapsedTime(begun).TotalSeconds / steps);
    }

    private async Task<RunResult> QuietAsync(RunRequest quiet, CancellationToken cancel)
    {
        await using var cluster = await LocalCluster.StartAsync(nodes with { Nodes = quiet.Nodes }, quiet.Folder, cancel);
        using var client = cluster.Connect(nodes.Key);
        return await new RunWatch().FollowAsync(client, await client.SubmitAsync(JobKind.Runs, quiet, cancel), cancel);
    }

    private static async Task UntilAsync(Func<bool> condition)
    {
        while (!condition())
            await Task.Delay(Look);
    }
}
