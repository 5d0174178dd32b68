using Akka.Actor;
using Akka.Cluster.Hosting;
using Akka.Hosting;
using Ganymede.Collectives;
using Ganymede.Commands;
using Ganymede.GpuNode;
using Ganymede.Messages;
using Microsoft.Extensions.Options;

// Replicas, the threads that train them, and samplers.
var program = ClusterProgram.Create(ClusterHosting.GpuNodeRole, args);
program.Services.AddSingleton<IValidateOptions<GpuNodeOptions>, GpuNodeOptionsValidator>();
program.Services.AddOptions<GpuNodeOptions>().BindConfiguration(GpuNodeOptions.Section).ValidateOnStart();
program.Services.AddSingleton<NodeIdentity>();
program.Services.AddSingleton(NodeServices.Create);
program.Services.AddSingleton(services => services.GetRequiredService<NodeServices>().DataPlane); // owned, so it is disposed
program.DataAddress = services => services.GetRequiredService<NodeIdentity>().DataAddress;
program.Actors = (akka, _) => akka
    .WithSingletonProxy<NodeActor>(
        ClusterHosting.CoordinatorSingleton, new ClusterSingletonOptions { Role = ClusterHosting.CoordinatorRole })
    .WithActors((system, registry, resolver) =>
    {
        var identity = resolver.GetService<NodeIdentity>();
        var services = resolver.GetService<NodeServices>();
        var node = system.ActorOf(NodeActor.Props(registry.Get<NodeActor>(), identity.Registration, services), "node");

        // SIGTERM, or the cluster's word to leave: the others get the step that is in hand, and do not have to find out.
        CoordinatedShutdown.Get(system).AddTask(CoordinatedShutdown.PhaseBeforeServiceUnbind, "leave-the-run", async () =>
        {
            try
            {
                await node.Ask<NodeActor.Left>(new NodeActor.Leave("its process was asked to end"), Deadlines.Leave);
            }
            catch (AskTimeoutException)
            {
                // Nobody let it go in time: it goes all the same, and the others go on as after a death.
            }

            return Akka.Done.Instance;
        });
    });
return await program.WithPbm().RunAsync();
