using System.Diagnostics;
using System.Globalization;
using Ganymede.Commands;
using Ganymede.Datasets;
using Ganymede.Messages;
using Ganymede.Messages.Api;

namespace Ganymede.Cli;

/// <summary>
/// Trains on a local cluster, does harm to it, and proves that it made no difference: the same number of steps, undisturbed, on one
/// node must end with the same weights, and the ledger must have each sample once.
/// </summary>
internal sealed class ChaosRun(RunRequest request, ClusterFlags.Values nodes, ChaosSettings settings, Terminal terminal)
{
    private const int Sigkill = 9, Sigterm = 15, Sigcont = 18, Sigstop = 19;

    /// <summary>Of a fault on a busy machine; longer is a hang.</summary>
    private static readonly TimeSpan HangDeadline = TimeSpan.FromSeconds(90);

    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(10);

    private readonly StallDeadlines _deadlines = StallDeadlines.OfSeconds(request.MaxStallSeconds);
    private readonly List<ChaosFault> _faults = [];
    private readonly Dictionary<string, (long First, long Last, int Reports)> _memory = [];
    private readonly List<Task> _later = [];

    public async Task<ChaosResult> RunAsync(CancellationToken cancel)
    {
        var disturbed = await DisturbAsync(cancel);
        terminal.Line($"The same {Figures.Count(disturbed.Steps)} steps once more, undisturbed, on one node");
        var quiet = await QuietAsync(request with { Folder = Path.Combine(request.Folder, "quiet"), Steps = disturbed.Steps, Nodes = 1 }, cancel);
        var seconds = _faults.Select(fault => fault.SecondsToNextCommit).Order().ToArray();
        var longest = _memory.Values.OrderByDescending(memory => memory.Reports).FirstOrDefault();
        return new ChaosResult(
            request.Folder, settings.Seed, _faults, _faults.Count(fault => fault.SecondsToNextCommit >= HangDeadline.TotalSeconds),
            Percentile(seconds, 0.5), Percentile(seconds, 0.95), seconds.LastOrDefault(), disturbed.Steps, disturbed.Views,
            disturbed.WeightsSha256, quiet.WeightsSha256, disturbed.WeightsSha256 == quiet.WeightsSha256,
            LedgerCheck.Read(request.Folder) is var ledger && ledger.Problem is null && ledger.Steps != disturbed.Steps
                ? $"the ledger has {ledger.Steps} steps, the run {disturbed.Steps}" : ledger.Problem,
            longest.First > 0 ? (double)longest.Last / longest.First : 1);
    }

    private async Task<RunResult> DisturbAsync(CancellationToken cancel)
    {
        await using var cluster = await LocalCluster.StartAsync(nodes, request.Folder, cancel);
        cluster.RestartsLeft = int.MaxValue;
        using var client = new CoordinatorClient(cluster.Coordinator);
        RunFolder.WriteRequest(request);
        var id = await client.SubmitAsync(JobKind.Runs, request, cancel);
        var following = FollowAsync(client, id, cancel);
        await CommittedAsync(0, following, cluster, cancel);

        var random = new CounterRandom(settings.Seed, 0, 0, 0);
        var begun = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(begun) < settings.Length && !following.IsCompleted && !cluster.Broken.IsCompleted)
        {
            await Task.Delay(settings.Every, cancel); // the user's own measure of peace between two faults
            await StrikeAsync(cluster, following, ref random, cancel);
            if (_faults[^1].SecondsToNextCommit >= HangDeadline.TotalSeconds)
                break;
        }

        await Task.WhenAll(_later);
        if (!following.IsCompleted)
            await client.StopAsync(JobKind.Runs, id, cancel);
        if (await Task.WhenAny(following, cluster.Broken) != following)
            throw await cluster.Broken;
        return await following;
    }

    private async Task<RunResult> QuietAsync(RunRequest quiet, CancellationToken cancel)
    {
        await using var cluster = await LocalCluster.StartAsync(nodes with { Nodes = 1 }, quiet.Folder, cancel);
        using var client = new CoordinatorClient(cluster.Coordinator);
        return await FollowAsync(client, await client.SubmitAsync(JobKind.Runs, quiet, cancel), cancel);
    }

    private Task StrikeAsync(LocalCluster cluster, Task following, ref CounterRandom random, CancellationToken cancel)
    {
        var fault = settings.Faults[random.NextInt(settings.Faults.Count)];
        var victims = cluster.Nodes;
        var victim = victims[random.NextInt(victims.Count)];
        return StrikeAsync(fault, victim, cluster, following, cancel);
    }

    private async Task StrikeAsync(Fault fault, (string Name, int Pid) victim, LocalCluster cluster, Task following, CancellationToken cancel)
    {
        var step = Committed();
        var begun = Stopwatch.GetTimestamp();
        switch (fault)
        {
            case Fault.Kill:
                ChildProcess.Signal(victim.Pid, Sigkill);
                _later.Add(cluster.AddNodeAsync(cancel));
                break;
            case Fault.Stop:
                ChildProcess.Signal(victim.Pid, Sigstop);
                _later.Add(WakeAsync(victim.Pid));
                break;
            case Fault.Leave:
                ChildProcess.Signal(victim.Pid, Sigterm);
                _later.Add(cluster.AddNodeAsync(cancel));
                break;
            case Fault.Join when cluster.Nodes.Count > nodes.Nodes:
                ChildProcess.Signal(victim.Pid, Sigterm);
                break;
            case Fault.Join:
                victim = ("a new node", await cluster.AddNodeAsync(cancel));
                (step, begun) = (Committed(), Stopwatch.GetTimestamp()); // what it takes a process to start is no recovery
                break;
            case Fault.Coordinator:
                victim = ("coordinator", cluster.CoordinatorPid ?? 0);
                if (victim.Pid != 0)
                    ChildProcess.Signal(victim.Pid, Sigkill);
                break;
            default:
                throw new InvalidOperationException($"Fault {fault} has no rule.");
        }

        await CommittedAsync(step, following, cluster, cancel);
        var seconds = Stopwatch.GetElapsedTime(begun).TotalSeconds;
        _faults.Add(new ChaosFault(fault.ToString().ToLowerInvariant(), victim.Name, step, Math.Round(seconds, 3)));
        terminal.Line(string.Create(CultureInfo.InvariantCulture,
            $"{_faults[^1].Kind} {victim.Name} at step {step:N0}: the next step came after {seconds:0.00} s"));

        async Task WakeAsync(int pid)
        {
            await Task.Delay(2 * _deadlines.MaxStall, cancel); // how long it is stopped, by definition of the fault
            ChildProcess.Signal(pid, Sigcont);
        }
    }

    /// <summary>Waits until more than <paramref name="steps"/> are committed, or it takes too long, or the run ends.</summary>
    private async Task CommittedAsync(long steps, Task following, LocalCluster cluster, CancellationToken cancel)
    {
        var begun = Stopwatch.GetTimestamp();
        while (Committed() <= steps && Stopwatch.GetElapsedTime(begun) < HangDeadline && !following.IsCompleted && !cluster.Broken.IsCompleted)
            await Task.Delay(Look, cancel);
    }

    /// <summary>Lines of the ledger that are whole.</summary>
    private long Committed()
    {
        try
        {
            using var file = new FileStream(Path.Combine(request.Folder, "ledger.jsonl"), FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            // Lines differ in length only where they have a hash: the last one says its step.
            file.Seek(Math.Max(0, file.Length - 512), SeekOrigin.Begin);
            var tail = new StreamReader(file).ReadToEnd();
            var end = tail.LastIndexOf('\n');
            var start = end < 0 ? -1 : tail.LastIndexOf('\n', Math.Max(0, end - 1));
            if (end <= 0)
                return 0;
            using var json = System.Text.Json.JsonDocument.Parse(tail[(start == end ? 0 : start + 1)..end]);
            return json.RootElement.GetProperty("step").GetInt64();
        }
        catch (IOException)
        {
            return 0;
        }
    }

    private async Task<RunResult> FollowAsync(CoordinatorClient client, string id, CancellationToken cancel)
    {
        await foreach (var happened in client.FollowAsync(JobKind.Runs, id, cancel))
        {
            foreach (var node in happened.Progress?.Nodes ?? [])
            {
                var known = _memory.GetValueOrDefault(node.Node, (First: node.ResidentBytes, Last: 0, Reports: 0));
                _memory[node.Node] = (known.First, node.ResidentBytes, known.Reports + 1);
            }

            if (happened.Kind == RunEventKind.Finished)
                return happened.Result!;
            if (happened.Kind == RunEventKind.Failed)
                throw new FailedException(happened.Text);
        }

        throw new FailedException("The run's events ended without a result.");
    }

    private static double Percentile(double[] sorted, double part) =>
        sorted.Length == 0 ? 0 : sorted[Math.Min(sorted.Length - 1, (int)Math.Ceiling(part * sorted.Length) - 1 is var index && index > 0 ? index : 0)];
}
