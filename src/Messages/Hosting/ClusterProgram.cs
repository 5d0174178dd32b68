using System.Net.Sockets;
using Akka.Actor;
using Akka.Cluster;
using Akka.Hosting;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Diagnostics.HealthChecks;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Ganymede.Messages;

/// <summary>
/// The frame of every program: configuration from appsettings.json, environment (<c>GANYMEDE__…</c>) and flags, options
/// validated at start, one Akka node, health endpoints, an announcement of the ports, a graceful end.
/// </summary>
public sealed class ClusterProgram
{
    /// <summary>Exit code for bad configuration or a port that is taken.</summary>
    public const int BadInput = 2;

    /// <summary>Answers 200 while the actor system lives; 503 otherwise.</summary>
    public const string LivePath = "/healthz/live";

    /// <summary>Answers 200 while this process is a member of the cluster; 503 otherwise.</summary>
    public const string ReadyPath = "/healthz/ready";

    /// <summary>How long a stop in good order may take.</summary>
    public static readonly TimeSpan ShutdownDeadline = TimeSpan.FromSeconds(45);

    private readonly WebApplicationBuilder _builder;
    private readonly string _role;

    private ClusterProgram(string role, WebApplicationBuilder builder) => (_role, _builder) = (role, builder);

    /// <summary>Where this program's data plane listens, for the announcement; set it with services if there is one.</summary>
    public Func<IServiceProvider, string?> DataAddress { get; set; } = _ => null;

    /// <summary>Where operators' commands are taken, for the announcement; null where they are not.</summary>
    public Func<IServiceProvider, string?> PbmAddress { get; set; } = _ => null;

    /// <summary>The program's role in the cluster.</summary>
    public string Role => _role;

    /// <summary>What it is configured with so far.</summary>
    public ConfigurationManager Configuration => _builder.Configuration;

    /// <summary>The program's own actors.</summary>
    public Action<AkkaConfigurationBuilder, IServiceProvider> Actors { get; set; } = (_, _) => { };

    /// <summary>The program's own HTTP routes.</summary>
    public Action<WebApplication> Routes { get; set; } = _ => { };

    public IServiceCollection Services => _builder.Services;

    public static ClusterProgram Create(string role, string[] args)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Configuration.AddEnvironmentVariables("GANYMEDE__");
        builder.Configuration.AddCommandLine(
            [.. args.Select(arg => arg == "--bootstrap" ? "--Cluster:Bootstrap=true" : arg)]);

        builder.Logging.ClearProviders();
        LogFormat.AddTo(builder.Logging, builder.Configuration);
        builder.Logging.AddFilter("Microsoft", LogLevel.Warning);

        var services = builder.Services;
        services.AddSingleton<IValidateOptions<ClusterNodeOptions>, ClusterNodeOptionsValidator>();
        services.AddOptions<ClusterNodeOptions>().BindConfiguration(ClusterNodeOptions.Section).ValidateOnStart();
        services.AddSingleton<IValidateOptions<HttpEndpointOptions>, HttpEndpointOptionsValidator>();
        services.AddOptions<HttpEndpointOptions>().BindConfiguration(HttpEndpointOptions.Section).ValidateOnStart();
        services.AddSingleton<IValidateOptions<DataEndpointOptions>, DataEndpointOptionsValidator>();
        services.AddOptions<DataEndpointOptions>().BindConfiguration(DataEndpointOptions.Section).ValidateOnStart();
        services.AddSingleton<IStartupValidator>(new LogFormat(builder.Configuration)); // after the options, which add theirs only where there is none
        ParentWatch.AddTo(services, builder.Configuration);
        services.AddHealthChecks();
        ClusterTelemetry.AddTo(services, builder.Configuration, role);
        services.Configure<HostOptions>(host => host.ShutdownTimeout = ShutdownDeadline);
        return new ClusterProgram(role, builder);
    }

    /// <summary>Runs until SIGTERM, Ctrl-C, the parent's end or the cluster's downing. Returns the exit code.</summary>
    public async Task<int> RunAsync()
    {
        try
        {
            _builder.WebHost.UseKestrelCore().ConfigureKestrel((context, kestrel) =>
            {
                var http = context.Configuration.GetSection(HttpEndpointOptions.Section).Get<HttpEndpointOptions>() ?? new();
                kestrel.Listen(System.Net.IPAddress.Parse(http.Host), http.Port);
            });
            _builder.Services.AddAkka(ClusterHosting.SystemName, (akka, provider) =>
            {
                akka.WithGanymede(_role, provider.GetRequiredService<IOptions<ClusterNodeOptions>>().Value);
                Actors(akka, provider);
            });

            await using var app = _builder.Build();
            ValidateOptions(app.Services);
            app.MapHealthChecks(LivePath, new HealthCheckOptions { Predicate = check => check.Tags.Contains("liveness") });
            app.MapHealthChecks(ReadyPath, new HealthCheckOptions { Predicate = check => check.Tags.Contains("readiness") });
            app.MapPrometheusScrapingEndpoint(ClusterTelemetry.Path);
            Routes(app);

            await app.StartAsync();
            ClusterTelemetry.Watch(Cluster.Get(app.Services.GetRequiredService<ActorSystem>()));
            Announce(app);
            var shutdown = CoordinatedShutdown.Get(app.Services.GetRequiredService<ActorSystem>());
            await app.WaitForShutdownAsync();
            if (shutdown.ShutdownReason is CoordinatedShutdown.ClusterDowningReason)
            {
                await Console.Error.WriteLineAsync($"{_role}: was cut off from the rest of the cluster and taken out of it; start it again.");
                return 1;
            }

            return Environment.ExitCode;
        }
        catch (OptionsValidationException error)
        {
            foreach (var failure in error.Failures)
                await Console.Error.WriteLineAsync($"{_role}: {failure}");
            return BadInput;
        }
        catch (Exception error) when (AddressProblem(error) is { } problem)
        {
            await Console.Error.WriteLineAsync($"{_role}: {problem}");
            return BadInput;
        }
    }

    /// <summary>All options' failures together, before anything opens a port.</summary>
    private static void ValidateOptions(IServiceProvider services)
    {
        List<string> failures = [];
        foreach (var validator in services.GetServices<IStartupValidator>())
        {
            try
            {
                validator.Validate();
            }
            catch (OptionsValidationException error)
            {
                failures.AddRange(error.Failures);
            }
            catch (AggregateException errors) when (errors.InnerExceptions.All(inner => inner is OptionsValidationException))
            {
                failures.AddRange(errors.InnerExceptions.Cast<OptionsValidationException>().SelectMany(inner => inner.Failures));
            }
            catch (InvalidOperationException error)
            {
                failures.Add(error.Message); // the binder's: names the setting, the value and the type it should have
            }
        }

        if (failures.Count > 0)
            throw new OptionsValidationException("", typeof(ClusterProgram), failures);
    }

    private void Announce(WebApplication app)
    {
        var cluster = Cluster.Get(app.Services.GetRequiredService<ActorSystem>());
        var node = app.Services.GetRequiredService<IOptions<ClusterNodeOptions>>().Value;
        if (node.Bootstrap)
            cluster.Join(cluster.SelfAddress);
        else
            WatchJoining(app, cluster, TimeSpan.FromSeconds(node.JoinDeadlineSeconds));

        var http = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();
        Console.Out.WriteLine(new Announcement(
            _role, Environment.ProcessId, cluster.SelfAddress.ToString(), DataAddress(app.Services), http)
        {
            Pbm = PbmAddress(app.Services),
        }.ToLine());
        Console.Out.Flush();
    }

    /// <summary>A node that no Lighthouse takes in says so, and whom it asked, instead of waiting without a word for ever.</summary>
    private void WatchJoining(WebApplication app, Cluster cluster, TimeSpan deadline)
    {
        var joined = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        cluster.RegisterOnMemberUp(() => joined.TrySetResult());
        _ = Task.Run(async () =>
        {
            var first = await Task.WhenAny(joined.Task, Task.Delay(deadline, app.Lifetime.ApplicationStopping));
            if (first == joined.Task || app.Lifetime.ApplicationStopping.IsCancellationRequested)
                return;
            await Console.Error.WriteLineAsync(
                $"{_role}: not taken into the cluster within {deadline.TotalSeconds:0} s; asked {string.Join(", ", cluster.Settings.SeedNodes)}. Is a Lighthouse running there?");
            Environment.ExitCode = 3;
            app.Lifetime.StopApplication();
        });
    }

    private static string? AddressProblem(Exception error)
    {
        for (var inner = error; inner is not null; inner = inner.InnerException)
        {
            var cure = (inner as SocketException)?.SocketErrorCode switch
            {
                SocketError.AddressAlreadyInUse or SocketError.AccessDenied => "Choose another port, or 0 for a free one (Cluster:Port, Http:Port, Data:Port, Pbm:Port).",
                SocketError.AddressNotAvailable or SocketError.HostNotFound or SocketError.NoData or SocketError.TryAgain =>
                    "Choose an address of this machine (Cluster:BindHostName, Http:Host, Pbm:Host).",
                _ => null,
            };
            if (cure is not null)
                return $"{error.Message} ({inner.Message}). {cure}";
        }

        return null;
    }
}
