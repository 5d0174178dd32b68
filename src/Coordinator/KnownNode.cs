using System.Collections.Immutable;
using Akka.Actor;
using Ganymede.Messages;

namespace Ganymede.Coordinator;

/// <summary>A GPU node that registered, and the actor that answers for it.</summary>
public sealed record KnownNode(RegisterNode Registration, IActorRef Actor)
{
    public NodeId Id => Registration.Node;
}

/// <summary>Every node of the cluster as the Coordinator knows it; sent to its jobs when it changes.</summary>
/// <param name="Lost">Nodes gone since the last time.</param>
public sealed record NodesChanged(ImmutableArray<KnownNode> Nodes, ImmutableArray<NodeId> Lost);
