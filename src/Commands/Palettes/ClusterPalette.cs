using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Akka.Actor;
using Akka.Cluster;
using Akka.Event;
using static Ganymede.Commands.Define;

namespace Ganymede.Commands;

/// <summary>Who is in the cluster, as this process sees it, and who has to go.</summary>
internal static class ClusterPalette
{
    private const int ChangesKept = 256;

    public static PbmPalette Create()
    {
        var address = Mandatory("-a", "address", "Akka address, as 'cluster show' prints it.");
        return new PbmPalette("cluster", "members of the cluster",
        [
            Command("show", "Lists the members: address, roles, status, whether unreachable, version.", Lines(Show)),
            Command("status", "Tells this process's own status.", Lines(call => [Line(call.Context.Cluster.SelfMember, call.Context.Cluster.State)])),
            Command("leader", "Tells the leader's address.", Lines(call => [call.Context.Cluster.State.Leader?.ToString() ?? throw new PbmException("The cluster has no leader now.")])),
            Command("join", "Has this process join the cluster of another one.", Lines(Join), address),
            Command("leave", "Has a member leave in good order: a GPU node after the step in hand.", Lines(Leave),
                Optional("-a", "address", "Akka address of the member. [default: this process]")),
            Command("down", "Takes a member out of the cluster that is dead for certain.", Lines(Down), address),
            Command("down-unreachable", "The same for all that are unreachable.", Lines(DownUnreachable)),
            Stream("tail", "Prints changes of membership as they happen.", Tail),
        ], Aliases: ["members"]);
    }

    private static IEnumerable<string> Show(PbmCall call)
    {
        var state = call.Context.Cluster.State;
        var members = state.Members.OrderBy(member => member.Address.ToString(), StringComparer.Ordinal).ToArray();
        return [.. members.Select(member => Line(member, state)), $"Count: {members.Length} nodes"];
    }

    private static string Line(Member member, ClusterEvent.CurrentClusterState state) =>
        $"{member.Address} | [{string.Join(", ", member.Roles.Order(StringComparer.Ordinal))}] | {member.Status.ToString().ToLowerInvariant()} | "
        + $"{(state.Unreachable.Contains(member) ? "unreachable" : "")} | {member.AppVersion}";

    private static IEnumerable<string> Join(PbmCall call)
    {
        var cluster = call.Context.Cluster;
        var seed = Parse(call["address"], call.Context.System.Name);
        if (cluster.State.Members.Any(member => member.Address == cluster.SelfAddress))
            throw new PbmException($"{cluster.SelfAddress} is in a cluster already.");
        Note(call, "join", seed);
        cluster.Join(seed);
        return [$"{cluster.SelfAddress} asks {seed} to be taken in."];
    }

    private static IEnumerable<string> Leave(PbmCall call)
    {
        var cluster = call.Context.Cluster;
        var leaving = call.Has("address") ? Member(call) : cluster.SelfAddress;
        Note(call, "leave", leaving);
        cluster.Leave(leaving);
        return [$"{leaving} leaves the cluster."];
    }

    private static IEnumerable<string> Down(PbmCall call)
    {
        var downed = Member(call);
        if (downed == call.Context.Cluster.SelfAddress)
            throw new PbmException($"{downed} is this very process; have it leave instead.");
        Note(call, "down", downed);
        call.Context.Cluster.Down(downed);
        return [$"{downed} is taken out of the cluster."];
    }

    private static IEnumerable<string> DownUnreachable(PbmCall call)
    {
        var unreachable = call.Context.Cluster.State.Unreachable.Select(member => member.Address).ToArray();
        foreach (var address in unreachable)
        {
            Note(call, "down", address);
            call.Context.Cluster.Down(address);
        }

        return unreachable.Length == 0 ? ["No member is unreachable."] : unreachable.Select(address => $"{address} is taken out of the cluster.");
    }

    private static Address Member(PbmCall call)
    {
        var address = Parse(call["address"], call.Context.System.Name);
        return call.Context.Cluster.State.Members.Any(member => member.Address == address)
            ? address
            : throw new PbmException($"No member of the cluster has the address {address}; 'cluster show' lists them.");
    }

    private static Address Parse(string text, string system) =>
        Address.TryParse(text, out var address) && address is { Host: not null, Port: not null } && address.System == system
            ? address
            : throw PbmException.Usage($"address '{(text.Length > 200 ? text[..200] : text)}': one like akka.tcp://{system}@host:4053 is expected.");

    private static void Note(PbmCall call, string what, Address whom) =>
        call.Context.System.Log.Info("Cluster {What} of {Address} by {By}", what, whom, call.By);

    private static async IAsyncEnumerable<string> Tail(PbmCall call, [EnumeratorCancellation] CancellationToken cancel)
    {
        var lines = Channel.CreateBounded<string>(new BoundedChannelOptions(ChangesKept) { FullMode = BoundedChannelFullMode.DropOldest });
        var listener = call.Context.System.ActorOf(Props.Create(() => new Listener(lines.Writer)));
        try
        {
            await foreach (var line in lines.Reader.ReadAllAsync(cancel))
                yield return line;
        }
        finally
        {
            call.Context.System.Stop(listener);
        }
    }

    /// <summary>Writes changes of membership down for one reader.</summary>
    private sealed class Listener : ReceiveActor
    {
        public Listener(ChannelWriter<string> lines)
        {
            void Say(string text) => lines.TryWrite($"{DateTimeOffset.UtcNow:HH:mm:ss.fff} {text}");
            Receive<ClusterEvent.CurrentClusterState>(state => Say($"{state.Members.Count} members"));
            Receive<ClusterEvent.IMemberEvent>(change => Say($"{change.Member.Address} [{string.Join(", ", change.Member.Roles)}] {change.Member.Status.ToString().ToLowerInvariant()}"));
            Receive<ClusterEvent.UnreachableMember>(change => Say($"{change.Member.Address} unreachable"));
            Receive<ClusterEvent.ReachableMember>(change => Say($"{change.Member.Address} reachable"));
            Receive<ClusterEvent.LeaderChanged>(change => Say($"leader {change.Leader?.ToString() ?? "none"}"));
        }

        protected override void PreStart() => Akka.Cluster.Cluster.Get(Context.System).Subscribe(
            Self, ClusterEvent.SubscriptionInitialStateMode.InitialStateAsSnapshot,
            typeof(ClusterEvent.IMemberEvent), typeof(ClusterEvent.IReachabilityEvent), typeof(ClusterEvent.LeaderChanged));

        protected override void PostStop() => Akka.Cluster.Cluster.Get(Context.System).Unsubscribe(Self);
    }
}
