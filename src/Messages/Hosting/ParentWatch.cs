using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Ganymede.Messages;

/// <summary>
/// Ends this process when the one that started it is gone. The parent holds the other end of standard input; however it
/// dies, kill -9 included, the kernel closes the pipe and the read here returns. On with <c>--Parent:WatchStdin=true</c>.
/// </summary>
public sealed partial class ParentWatch(
    IConfiguration configuration, IHostApplicationLifetime lifetime, ILogger<ParentWatch> log) : IHostedService
{
    private const string Switch = "Parent:WatchStdin";

    /// <summary>A graceful stop that takes longer than this is cut short.</summary>
    private static readonly TimeSpan _grace = TimeSpan.FromSeconds(6);

    public Task StartAsync(CancellationToken cancellationToken)
    {
        if (configuration.GetValue(Switch, false))
            new Thread(Watch) { IsBackground = true, Name = "parent-watch" }.Start();
        return Task.CompletedTask;
    }

    /// <summary>Has the program end with its parent, and leave Ctrl-C to it, where it has one.</summary>
    public static void AddTo(IServiceCollection services, IConfiguration configuration)
    {
        services.AddHostedService<ParentWatch>();
        if (configuration.GetValue(Switch, false))
            services.AddSingleton<IHostLifetime, ChildLifetime>(); // the last one registered counts
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    private void Watch()
    {
        using var input = Console.OpenStandardInput();
        Span<byte> ignored = stackalloc byte[256];
        try
        {
            while (input.Read(ignored) > 0)
            {
            }
        }
        catch (IOException)
        {
            // A broken pipe says the same as its end.
        }

        LogParentGone(log);
        lifetime.StopApplication();
        Thread.Sleep(_grace); // not a wait for anything: the limit after which this process ends, stopped or not
        Environment.Exit(1);
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "The process that started this one is gone; stopping.")]
    private static partial void LogParentGone(ILogger logger);
}
