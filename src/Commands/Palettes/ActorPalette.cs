using Akka.Actor;
using static Ganymede.Commands.Define;

namespace Ganymede.Commands;

/// <summary>The actor system of this process.</summary>
internal static class ActorPalette
{
    /// <summary>A palette must not fill a terminal, or memory.</summary>
    private const int MostActors = 5000;

    public static PbmPalette Create() => new("actor", "the actor system of this process",
    [
        Command("system", "Tells its name, version, address and how long it has been up.", Lines(Describe)),
        Command("hierarchy", "Prints the tree of actors.", Lines(Hierarchy),
            Optional("-d", "depth", "Levels below the first. [default: 4]"),
            Optional("-s", "start", "Path to start at, such as /user. [default: /]")),
    ]);

    private static IEnumerable<string> Describe(PbmCall call)
    {
        var system = call.Context.System;
        return
        [
            $"name: {system.Name}",
            $"address: {call.Context.Cluster.SelfAddress}",
            $"role: {call.Context.Role}",
            $"akka: {typeof(ActorSystem).Assembly.GetName().Version}",
            $"process: {Environment.ProcessId}",
            $"up: {Duration(system.Uptime.TotalSeconds)}",
        ];
    }

    private static IEnumerable<string> Hierarchy(PbmCall call)
    {
        var depth = (int)(call.Whole("depth", 0, 64) ?? 4);
        var start = ((ExtendedActorSystem)call.Context.System).Provider.RootGuardian as ActorRefWithCell
            ?? throw new PbmException("This system's root cannot be looked into.");
        foreach (var name in call["start"].Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            start = start.Children.OfType<ActorRefWithCell>().FirstOrDefault(child => child.Path.Name == name)
                ?? throw new PbmException($"There is no actor '{name}' below {start.Path.ToStringWithoutAddress()}.");
        }

        var left = MostActors;
        return Tree(start, 0);

        IEnumerable<string> Tree(ActorRefWithCell actor, int level)
        {
            if (left-- <= 0)
                yield break;
            yield return new string(' ', 2 * level) + (level == 0 ? actor.Path.ToStringWithoutAddress() : actor.Path.Name);
            if (level >= depth)
                yield break;
            foreach (var child in actor.Children.OfType<ActorRefWithCell>().OrderBy(child => child.Path.Name, StringComparer.Ordinal))
            {
                foreach (var line in Tree(child, level + 1))
                    yield return line;
            }
        }
    }
}
