using System.Collections.Immutable;
using Akka.Actor;
using Akka.Event;
using Ganymede.Messages;
using Ganymede.Messages.Api;

namespace Ganymede.Coordinator;

/// <summary>Questions and orders of operators, from any program of the cluster and from HTTP.</summary>
public sealed partial class CoordinatorActor
{
    /// <summary>Jobs that are over and still described.</summary>
    private const int JobsKept = 200;

    private ImmutableList<RunDescription> _runs = [];
    private ImmutableList<GenerationDescription> _generations = [];
    private readonly Dictionary<string, DateTimeOffset> _registeredAt = [];

    private void ReceiveSteering()
    {
        Receive<RunDescription>(described => _runs = Keep(_runs, described, known => known.Run == described.Run, known => known.IsOver));
        Receive<GenerationDescription>(described => _generations = Keep(_generations, described, known => known.Job == described.Job, known => known.IsOver));
        Receive<ListRuns>(_ => Sender.Tell(new RunList([.. _runs.Select(run => run with { Views = [] })])));
        Receive<DescribeRun>(question => Sender.Tell(new RunList(FindRun(question.Run) is { } found ? [found] : [])));
        Receive<ListGenerations>(_ => Sender.Tell(new GenerationList([.. _generations])));
        Receive<ListNodes>(_ => Sender.Tell(new NodeList([.. _nodes.Values.Select(Describe)])));
        Receive<ReadEvents>(Read);
        Receive<SteerRun>(Steer);
        Receive<SteerNode>(Steer);
        Receive<PingNode>(ping =>
        {
            if (FindNode(ping.Node) is { } node)
                node.Actor.Tell(new Identify(ping.Node), Sender);
        });
        Receive<CancelGeneration>(cancel =>
        {
            if (_generations.Find(job => job.Job == cancel.Job) is { IsOver: false } && _jobs.TryGetValue(cancel.Job, out var actor))
                actor.Forward(cancel);
            else
                Sender.Tell(SteeringAnswer.NotThere($"No generation job called '{cancel.Job}' is going on."));
        });
        Receive<StartRun>(Start);
        Receive<PresetKnown>(known => Start(known.Start, known.Asker, known.Preset));
        Receive<StartGeneration>(Start);
    }

    /// <summary>Newest first; the oldest that is over goes when there are too many.</summary>
    private static ImmutableList<T> Keep<T>(ImmutableList<T> all, T described, Predicate<T> isSame, Predicate<T> isOver)
    {
        var index = all.FindIndex(isSame);
        if (index >= 0)
            return all.SetItem(index, described);
        all = all.Insert(0, described);
        return all.Count > JobsKept && all.FindLastIndex(isOver) is >= 0 and var last ? all.RemoveAt(last) : all;
    }

    private RunDescription? FindRun(string id) =>
        id.Length > 0 ? _runs.Find(run => run.Run == id) : _runs.Find(run => IsActive(run.Run)) ?? _runs.FirstOrDefault();

    private void Read(ReadEvents question)
    {
        var id = question.Job.Length > 0 ? question.Job : FindRun("")?.Run;
        if (id is null || _events?.Find(id) is not { } log)
        {
            Sender.Tell(new EventPage(null, [], IsLast: true));
            return;
        }

        var (events, isLast) = log.Read(question.After, Math.Clamp(question.Most, 1, 1000));
        Sender.Tell(new EventPage(
            id, [.. events.Select(happened => new EventLine(happened.Sequence, happened.Time, char.ToLowerInvariant($"{happened.Kind}"[0]) + $"{happened.Kind}"[1..], happened.Text))], isLast));
    }

    private void Steer(SteerRun order)
    {
        var id = order.Run.Length > 0 ? order.Run : OnlyActive;
        if (id is null)
            Sender.Tell(SteeringAnswer.NotThere(_trials.IsEmpty ? "No run is going on." : $"Which one is meant? These go on: {ActiveRuns}."));
        else if (IsActive(id) && _jobs.TryGetValue(id, out var run))
            run.Forward(order with { Run = id });
        else if (_runs.Find(known => known.Run == id) is { } over)
            Sender.Tell(SteeringAnswer.Refusal($"Run {id} is over: {over.Text}"));
        else
            Sender.Tell(SteeringAnswer.NotThere($"No run is called '{id}'."));
    }

    /// <summary>The node of this id, or the only one whose id begins so; otherwise the asker hears why there is none.</summary>
    private KnownNode? FindNode(string name)
    {
        var found = _nodes.Values.Where(node => node.Id.Value == name).ToArray();
        if (found.Length == 0 && name.Length > 0)
            found = [.. _nodes.Values.Where(node => node.Id.Value.StartsWith(name, StringComparison.Ordinal))];
        if (found is [var only])
            return only;
        Sender.Tell(SteeringAnswer.NotThere(found.Length == 0
            ? $"No node is called '{name}'."
            : $"'{name}' may be {string.Join(" or ", found.Select(node => node.Id))}."));
        return null;
    }

    private void Steer(SteerNode order)
    {
        if (FindNode(order.Node) is not { } node)
            return;
        var drain = order.Order == NodeOrder.Drain;
        if (drain == node.Registration.DrainedBy is not null)
        {
            Sender.Tell(drain
                ? SteeringAnswer.Of(node.Id.Value, $"Node {node.Id} is drained already, by {node.Registration.DrainedBy}.")
                : SteeringAnswer.Refusal($"Node {node.Id} is not drained."));
            return;
        }

        _log.Info("{Order} of node {Node} by {By}", order.Order, node.Id, order.By);
        var by = drain ? order.By : null;
        _nodes = _nodes.SetItem(node.Id.Value, node with { Registration = node.Registration with { DrainedBy = by } });
        node.Actor.Tell(new NodeDrained(by));
        TellJobs([]);
        Sender.Tell(SteeringAnswer.Of(node.Id.Value, drain
            ? $"Node {node.Id} leaves what it does after the step in hand, and gets no new work."
            : $"Node {node.Id} gets work again."));
    }

    private NodeDescription Describe(KnownNode node)
    {
        var cluster = Akka.Cluster.Cluster.Get(Context.System);
        var at = node.Actor.Path.Address.HasLocalScope ? cluster.SelfAddress : node.Actor.Path.Address;
        var registration = node.Registration;
        var run = _runs.Find(known => IsActive(known.Run) && known.Members.Any(member => member.Node == node.Id.Value));
        var member = run?.Members.First(its => its.Node == node.Id.Value);
        return new NodeDescription(
            node.Id.Value, at.ToString(),
            $"{registration.DataHost}:{registration.DataPort}", registration.Devices, registration.ThreadsPerReplica, registration.ProcessId,
            member?.State ?? (registration.DrainedBy is null ? "free" : "drained"), registration.DrainedBy, run?.Run, run?.View ?? 0, member,
            _registeredAt.GetValueOrDefault(node.Id.Value), cluster.State.Unreachable.Any(its => its.Address == at));
    }
}
