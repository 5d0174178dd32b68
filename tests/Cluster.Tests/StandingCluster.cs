using Ganymede.Cli;

[assembly: AssemblyFixture(typeof(Ganymede.Tests.StandingCluster))]

namespace Ganymede.Tests;

/// <summary>
/// Four nodes that stay for all tests, started when one first asks: for jobs in which nothing is done to the cluster itself. Starting
/// one for every job would take most of the tests' time.
/// </summary>
public sealed class StandingCluster : IAsyncLifetime
{
    private static readonly TemporaryFolder _folder = new();
    private static readonly Lazy<Task<LocalCluster>> _cluster = new(() => LocalCluster.StartAsync(
        new ClusterFlags.Values(4, ["cpu"], 1, null), _folder.Path, CancellationToken.None, new LocalCluster.Settings(TimeSpan.FromSeconds(3), StaysWithoutNodes: true)));

    /// <summary>What takes a command's job to it.</summary>
    public static async Task<string[]> Options() => ["--coordinator", (await _cluster.Value).Coordinator.ToString()];

    /// <summary>Its Coordinator's address.</summary>
    public static async Task<Uri> Coordinator() => (await _cluster.Value).Coordinator;

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        if (_cluster.IsValueCreated)
            await (await _cluster.Value).DisposeAsync();
        _folder.Dispose();
    }
}
