using Akka.Cluster.Hosting;
using Ganymede.Commands;
using Ganymede.Coordinator;
using Ganymede.Coordinator.Api;
using Ganymede.Messages;

// Decides: views, sharding, checkpoints, leases. Serves the packed data and the HTTP API. Never touches tensors.
var program = ClusterProgram.Create(ClusterHosting.CoordinatorRole, args);
program.Services.AddSingleton(PackServer.Listen);
program.Services.AddSingleton(TimeProvider.System);
program.Services.AddSingleton<JobEvents>();
HttpApi.AddTo(program.Services);
program.DataAddress = services => services.GetRequiredService<PackServer>().Address;
program.Routes = HttpApi.Map;
program.Actors = (akka, services) => akka.WithSingleton<CoordinatorActor>(
    ClusterHosting.CoordinatorSingleton,
    CoordinatorActor.Props(
        services.GetRequiredService<JobEvents>(), services.GetRequiredService<PackServer>(), services.GetRequiredService<TimeProvider>(),
        Path.GetFullPath(services.GetRequiredService<IConfiguration>()["Runs:Folder"] ?? "runs")),
    new ClusterSingletonOptions { Role = ClusterHosting.CoordinatorRole });
return await program.WithPbm().RunAsync();
