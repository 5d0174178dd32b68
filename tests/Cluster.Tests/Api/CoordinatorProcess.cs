using System.Diagnostics;
using Ganymede.Cli;
using Ganymede.Messages;

namespace Ganymede.Tests.Api;

/// <summary>A Coordinator in a cluster of its own, and a client of its API.</summary>
internal sealed class CoordinatorProcess : IAsyncDisposable
{
    private static readonly TimeSpan _deadline = TimeSpan.FromSeconds(60);
    private readonly Process _process;

    private CoordinatorProcess(Process process, Uri address) => (_process, Http) = (process, new HttpClient { BaseAddress = address, Timeout = _deadline });

    public HttpClient Http { get; }

    public Uri Address => Http.BaseAddress!;

    public static ProcessStartInfo StartInfo(params string[] settings) => new(
        Programs.DotNet, [Path.Combine(AppContext.BaseDirectory, "..", "..", "Coordinator", "release", "Ganymede.Coordinator.dll"), .. settings]);

    /// <summary>Started, and taking questions.</summary>
    public static async Task<CoordinatorProcess> StartAsync(params string[] settings)
    {
        var start = StartInfo(["--bootstrap", .. settings]);
        start.RedirectStandardOutput = true;
        var process = Process.Start(start)!;
        while (await process.StandardOutput.ReadLineAsync().WaitAsync(_deadline) is { } line)
        {
            if (Announcement.Parse(line) is not { } announced)
                continue;
            _ = process.StandardOutput.ReadToEndAsync(); // a full pipe would stop it
            var started = new CoordinatorProcess(process, new Uri(announced.Http));
            await Command.Until(() => started.Http.GetAsync(new Uri("/api/nodes", UriKind.Relative)).GetAwaiter().GetResult().IsSuccessStatusCode, _deadline, "the Coordinator's answer");
            return started;
        }

        throw new InvalidOperationException($"The Coordinator ended with {process.ExitCode} before it announced its ports.");
    }

    /// <summary>Asks it to end; its exit code.</summary>
    public async Task<int> TerminateAsync()
    {
        Command.Signal(_process.Id, 15);
        await _process.WaitForExitAsync().WaitAsync(_deadline);
        return _process.ExitCode;
    }

    public ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
            _process.Kill();
        _process.Dispose();
        Http.Dispose();
        return ValueTask.CompletedTask;
    }
}
