using Akka.Actor;
using Ganymede.Messages;

namespace Ganymede.Commands;

/// <summary>The context of commands, made when the first one is needed: the actor system is there by then.</summary>
public sealed class PbmContextSource(Func<PbmContext> make)
{
    private readonly Lazy<PbmContext> _context = new(make);

    public PbmContext Get() => _context.Value;

    /// <summary>Where every program has its proxy of the Coordinator.</summary>
    internal static ActorSelection CoordinatorOf(ActorSystem system) => system.ActorSelection($"/user/{ClusterHosting.CoordinatorSingleton}-proxy");
}
