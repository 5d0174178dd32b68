using Akka.Actor;
using Akka.Cluster.Hosting;
using Akka.Hosting;
using Ganymede.Messages;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Ganymede.Commands;

/// <summary>Gives a program its command endpoint.</summary>
public static class PbmHosting
{
    /// <summary>The way to the Coordinator of a program that has none yet.</summary>
    private sealed class CoordinatorKey;

    /// <summary>Operators' commands over <see cref="PbmEndpoint"/>, the log in memory, levels that can be changed.</summary>
    public static ClusterProgram WithPbm(this ClusterProgram program)
    {
        var levels = new LogLevels();
        ((IConfigurationBuilder)program.Configuration).Add(levels);
        var services = program.Services;
        var book = new LogBook(TimeProvider.System);
        services.AddLogging(logging => logging.AddProvider(book));
        services.AddSingleton(PbmTable.Standard);
        services.AddSingleton<IValidateOptions<PbmOptions>, PbmOptionsValidator>();
        services.AddOptions<PbmOptions>().BindConfiguration(PbmOptions.Section).ValidateOnStart();
        services.AddSingleton(provider => new PbmContextSource(() =>
        {
            var system = provider.GetRequiredService<ActorSystem>();
            levels.Watch(provider.GetRequiredService<IConfiguration>(), system);
            return new PbmContext(system, program.Role, PbmContextSource.CoordinatorOf(system), book, levels);
        }));
        services.AddSingleton<PbmEndpoint>();
        services.AddHostedService(provider => provider.GetRequiredService<PbmEndpoint>());
        program.PbmAddress = provider => provider.GetRequiredService<PbmEndpoint>().Address;

        var actors = program.Actors;
        program.Actors = (akka, provider) =>
        {
            actors(akka, provider);
            if (program.Role == ClusterHosting.LighthouseRole)
            {
                akka.WithSingletonProxy<CoordinatorKey>(
                    ClusterHosting.CoordinatorSingleton, new ClusterSingletonOptions { Role = ClusterHosting.CoordinatorRole });
            }
#if PETABRIDGE_CMD
            akka.WithActors((system, _, _) => Petabridge.PetabridgeHost.Start(system, provider.GetRequiredService<PbmTable>(), provider.GetRequiredService<PbmContextSource>()));
#endif
        };
        return program;
    }
}
