using Akka.Cluster.Hosting;
using Akka.Cluster.Hosting.SBR;
using Akka.Hosting;
using Akka.Remote.Hosting;
using Microsoft.Extensions.Logging;

namespace Ganymede.Messages;

/// <summary>What every program's actor system has in common.</summary>
public static class ClusterHosting
{
    public const string SystemName = "ganymede";
    public const string LighthouseRole = "lighthouse";
    public const string CoordinatorRole = "coordinator";
    public const string GpuNodeRole = "gpu-node";

    /// <summary>Name of the cluster singleton that decides; the Coordinator hosts it, nodes reach it through a proxy.</summary>
    public const string CoordinatorSingleton = "decider";

    // Training threads hog all cores, so heartbeats come late from healthy nodes: patience, and a high threshold.
    internal const string Settings = """
        akka {
          actor {
            serializers {
              messagepack = "Ganymede.Messages.MessagePackClusterSerializer, Ganymede.Messages"
              json = "Ganymede.Messages.RefusingSerializer, Ganymede.Messages" # in place of Akka's own, which loads types by name
            }
            serialization-bindings {
              "Ganymede.Messages.IClusterMessage, Ganymede.Messages" = messagepack
              "System.Object" = json
            }
            serialization-identifiers {
              "Ganymede.Messages.MessagePackClusterSerializer, Ganymede.Messages" = 7411
              "Ganymede.Messages.RefusingSerializer, Ganymede.Messages" = 7410
            }
          }
          cluster {
            failure-detector { threshold = 12.0, acceptable-heartbeat-pause = 10s, heartbeat-interval = 1s }
            split-brain-resolver.down-all-when-unstable = off // one node after another may die without the others having to go
            shutdown-after-unsuccessful-join-seed-nodes = off
            # A cluster of tens of nodes, of which a user waits for the first: joining and leaving in tenths of seconds.
            periodic-tasks-initial-delay = 100ms
            gossip-interval = 300ms
            leader-actions-interval = 200ms
            singleton { hand-over-retry-interval = 200ms, min-number-of-hand-over-retries = 75 }
            singleton-proxy.singleton-identification-interval = 200ms
          }
          remote {
            # Each side writes to connections it made itself. With shared ones, a process that starts anew on its old address may read from the
            # one while its peer writes to the other, for good: seen as a Coordinator that comes back and never hears of one of the nodes.
            use-passive-connections = off
            retry-gate-closed-for = 2s
            watch-failure-detector { threshold = 12.0, acceptable-heartbeat-pause = 10s }
            # On Linux .NET's address reuse lets two processes listen on one port; a taken port must be an error.
            dot-netty.tcp.tcp-reuse-addr = off
          }
          # The host stops the actor system; the hook would do so on a Ctrl-C that is meant for another process.
          coordinated-shutdown.run-by-clr-shutdown-hook = off
          # A GPU node finishes its step first (Deadlines.Leave).
          coordinated-shutdown.phases.before-service-unbind.timeout = 30s
        }
        """;

    /// <summary>Remoting, clustering, failure detector, split-brain resolver, serializers and health checks of a node in one role.</summary>
    public static AkkaConfigurationBuilder WithGanymede(this AkkaConfigurationBuilder akka, string role, ClusterNodeOptions node)
    {
        // A majority of one or two Lighthouses says nothing: there, the side with the oldest node goes on, unless it is alone.
        SplitBrainResolverOption resolver = node.SeedNodes.Length >= 3
            ? new KeepMajorityOption { Role = LighthouseRole }
            : new KeepOldestOption { DownIfAlone = true };

        return akka
            .ConfigureLoggers(loggers =>
            {
                loggers.ClearLoggers();
                loggers.AddLoggerFactory();
                loggers.LogLevel = Akka.Event.LogLevel.InfoLevel;
            })
            .AddHocon(Settings, HoconAddMode.Prepend)
            .WithRemoting(new RemoteOptions { HostName = node.BindHostName, PublicHostName = node.PublicHostName, Port = node.Port })
            .WithClustering(new ClusterOptions { Roles = [role], SeedNodes = node.SeedNodes, SplitBrainResolver = resolver })
            .WithActorSystemLivenessCheck()
            .WithAkkaClusterReadinessCheck();
    }
}
