using System.Diagnostics;
using System.Text.Json;
using Ganymede.Messages;
using Ganymede.Messages.Api;

namespace Ganymede.Cli;

/// <summary>A fault that has struck, and the moment before it.</summary>
/// <param name="Victims">Processes.</param>
/// <param name="HasToGo">Those of them of whom the run is to be rid: members that died, stopped or were cut off.</param>
/// <param name="Ticks">When, by <see cref="Stopwatch.GetTimestamp"/>.</param>
/// <param name="Before">Newest step and view just before.</param>
/// <param name="EndsView">Recovered is a step in a later view.</param>
/// <param name="Undo">Ends what the fault does, after the pause; null where there is nothing to end.</param>
internal sealed record Struck(
    FaultKind Kind, IReadOnlyList<string> Victims, IReadOnlyList<string> HasToGo, long Ticks, DateTimeOffset Time, (long Step, long View) Before, bool EndsView, Action? Undo = null)
{
    /// <summary>How many of those that have to go.</summary>
    public int Losses { get; init; } = HasToGo.Count;
}

/// <summary>Does harm to a local cluster: one fault at a time, to members of the run.</summary>
internal sealed class Striker(LocalCluster cluster, TestHosts? hosts, RunWatch watch, LedgerTail ledger, FaultSchedule schedule, string orderFile, Func<bool> isOver)
{
    public const int Sigterm = 15;
    private const int Sigkill = 9, Sigcont = 18, Sigstop = 19;

    /// <summary>For a node to get to the point at which it is to die; a checkpoint may be some steps away, and a process has to start for a join.</summary>
    private static readonly TimeSpan PointDeadline = TimeSpan.FromSeconds(60);

    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(2);

    /// <summary>Processes to which something was done.</summary>
    public HashSet<string> Touched { get; } = [];

    /// <summary>Members that live.</summary>
    private (string Name, int Pid)[] Members
    {
        get
        {
            var members = watch.View.Members;
            return [.. cluster.Nodes.Where(node => members.Contains(node.Name))];
        }
    }

    /// <summary>Null if the fault has nothing to hit now.</summary>
    public async Task<Struck?> StrikeAsync(FaultKind kind, CancellationToken cancel)
    {
        var members = Members;
        if (members.Length == 0)
            return null;
        var victim = members[schedule.Choose(members.Length)];
        switch (kind.Fault)
        {
            case Fault.Kill when kind.Point is { } point:
                return await KillAtAsync(kind, point, victim.Name, cancel);
            case Fault.Kill:
                return Signal(kind, Sigkill, victim);
            case Fault.Pair when members.Length < 3:
                return null; // it would be the end of all that the run knows
            case Fault.Pair:
                var (first, second) = schedule.ChooseTwo(members.Length);
                return Signal(kind, Sigkill, members[first], members[second]);
            case Fault.Stop:
                var stopped = Signal(kind, Sigstop, victim);
                return stopped with { Losses = 0, Undo = () => ChildProcess.Signal(victim.Pid, Sigcont) };
            case Fault.Leave:
                return Signal(kind, Sigterm, victim) with { HasToGo = [], Losses = 1 };
            case Fault.Join:
                return await JoinAsync(kind, members, cancel);
            case Fault.Coordinator:
                return cluster.CoordinatorPid is { } coordinator ? Signal(kind, Sigkill, ("coordinator", coordinator)) : null;
            case Fault.Lighthouse:
                return cluster.LighthousePid is { } lighthouse ? Signal(kind, Sigkill, ("lighthouse", lighthouse)) : null;
            case Fault.Partition:
                return Cut(kind, members, victim);
            default:
                throw new InvalidOperationException($"Fault {kind.Fault} has no rule.");
        }
    }

    private Struck Signal(FaultKind kind, int signal, params (string Name, int Pid)[] victims)
    {
        Touched.UnionWith(victims.Select(victim => victim.Name));
        var isNode = kind.Fault is not (Fault.Coordinator or Fault.Lighthouse);
        var struck = Now(kind, [.. victims.Select(victim => victim.Name)], isNode ? [.. victims.Select(victim => victim.Name)] : [], endsView: isNode);
        foreach (var victim in victims)
            ChildProcess.Signal(victim.Pid, signal);
        return struck;
    }

    /// <summary>Leaves the order where the nodes look for one, and waits until one of them says that it has done it.</summary>
    private async Task<Struck?> KillAtAsync(FaultKind kind, FaultPoint point, string victim, CancellationToken cancel)
    {
        var byNew = point is FaultPoint.DataLoad or FaultPoint.Join;
        var hitFile = orderFile + FaultOrder.HitSuffix;
        File.Delete(hitFile);
        // Only the lead writes checkpoints, and only a new node loads data and joins.
        AtomicFile.Write(orderFile, new FaultOrder(byNew || point == FaultPoint.Checkpoint ? "*" : victim, point, 0, Milliseconds: 1 + schedule.Choose(15)).ToString());
        var started = byNew ? cluster.AddNodeAsync(cancel) : null;
        var begun = Stopwatch.GetTimestamp();
        var before = Before();
        while (!File.Exists(hitFile))
        {
            if (isOver() || Stopwatch.GetElapsedTime(begun) > PointDeadline)
            {
                File.Delete(orderFile);
                return null;
            }

            before = Before();
            await Task.Delay(Look, cancel);
        }

        var hit = JsonSerializer.Deserialize<FaultHit>(await File.ReadAllTextAsync(hitFile, cancel), ApiJson.Options)!;
        Touched.Add(hit.Node);
        if (started is not null)
            await started;
        return new Struck(kind, [hit.Node], point == FaultPoint.DataLoad ? [] : [hit.Node], hit.Ticks, hit.Time, before, EndsView: point != FaultPoint.DataLoad)
        {
            Losses = byNew ? 0 : 1,
        };
    }

    private async Task<Struck?> JoinAsync(FaultKind kind, (string Name, int Pid)[] members, CancellationToken cancel)
    {
        if (cluster.Nodes.Count > members.Length)
            return null; // somebody is on the way in already
        if (members.Length > cluster.Wanted)
            return Signal(kind, Sigterm, members[^1]) with { HasToGo = [], Losses = 0 };
        var before = Now(kind, [], [], endsView: true);
        var name = await cluster.AddNodeAsync(cancel);
        // What it takes a process to start is no recovery.
        return before with { Victims = [name], Ticks = Stopwatch.GetTimestamp() };
    }

    private Struck Cut(FaultKind kind, (string Name, int Pid)[] members, (string Name, int Pid) victim)
    {
        var here = LocalCluster.HostOf(victim.Name);
        var others = members.Where(member => member.Name != victim.Name).ToArray();
        Touched.Add(victim.Name); // cut off for long enough, the cluster takes it for dead, and it ends
        switch (schedule.Choose(3))
        {
            case 0 when others.Length > 0:
                var other = others[schedule.Choose(others.Length)];
                Touched.Add(other.Name);
                return Cutting([victim.Name, other.Name], [victim.Name], endsView: true, [LocalCluster.HostOf(other.Name)]);
            case 1:
                return Cutting([victim.Name, "coordinator"], [], endsView: false, [0]);
            default:
                return Cutting([victim.Name, "everybody"], others.Length > 0 ? [victim.Name] : [], endsView: others.Length > 0, [0, .. others.Select(member => LocalCluster.HostOf(member.Name))]);
        }

        Struck Cutting(string[] victims, string[] hasToGo, bool endsView, int[] from)
        {
            var struck = Now(kind, victims, hasToGo, endsView) with { Losses = 0, Undo = () => Array.ForEach(from, host => hosts!.Heal(here, host)) };
            Array.ForEach(from, host => hosts!.Cut(here, host));
            return struck;
        }
    }

    private Struck Now(FaultKind kind, IReadOnlyList<string> victims, IReadOnlyList<string> hasToGo, bool endsView) =>
        new(kind, victims, hasToGo, Stopwatch.GetTimestamp(), DateTimeOffset.UtcNow, Before(), endsView);

    /// <summary>A view that has begun without a step in it yet counts, too: its first step is no recovery.</summary>
    private (long Step, long View) Before()
    {
        var (step, view) = ledger.Read();
        return (step, Math.Max(view, watch.View.Number));
    }
}
