using System.Diagnostics;
using Ganymede.Cli;
using Ganymede.Commands;

namespace Ganymede.Tests;

/// <summary>A cluster of real processes for all tests of the commands, and ways to talk to it.</summary>
public sealed class PbmCluster : IAsyncLifetime
{
    private static readonly TimeSpan _deadline = TimeSpan.FromSeconds(180);

    private LocalCluster? _cluster;

    internal TemporaryFolder Folder { get; } = new();

    internal LocalCluster Cluster => _cluster!;

    internal PbmTarget Coordinator => Target("coordinator");

    public async ValueTask InitializeAsync()
    {
        _cluster = await LocalCluster.StartAsync(new ClusterFlags.Values(2, ["cpu"], 1, null), Folder.Path, CancellationToken.None,
            new LocalCluster.Settings(TimeSpan.FromSeconds(3), RunsFolder: Folder["runs"]));
        await Until(Coordinator, "node list", lines => lines[^1] == "Count: 2 nodes");
    }

    public async ValueTask DisposeAsync()
    {
        if (_cluster is not null)
            await _cluster.DisposeAsync();
        Folder.Dispose();
    }

    internal LocalCluster.ClusterEntry Entry(string name) => _cluster!.Entries.Single(entry => entry.Name == name);

    /// <summary>One more node.</summary>
    internal async Task<LocalCluster.ClusterEntry> Add() => Entry(await _cluster!.AddNodeAsync(CancellationToken.None));

    internal PbmTarget Target(string name) => PbmTarget.TryParse(Entry(name).Pbm!)!;

    /// <summary>A command that must succeed, through a connection of its own.</summary>
    internal static async Task<string[]> Do(PbmTarget target, string line)
    {
        await using var client = await PbmClient.ConnectAsync(target.Host, target.Port, CancellationToken.None);
        List<string> lines = [];
        using var late = new CancellationTokenSource(_deadline);
        await foreach (var said in client.RunAsync(WordSplitter.Split(line), late.Token))
            lines.Add(said);
        Assert.False(late.IsCancellationRequested, $"'{line}' was not done within {_deadline.TotalSeconds} s");
        return [.. lines];
    }

    internal Task<string[]> Do(string line) => Do(Coordinator, line);

    /// <summary>A command that must fail, and how.</summary>
    internal async Task<PbmException> Fail(string line) => await Assert.ThrowsAsync<PbmException>(() => Do(line));

    /// <summary>Asks until the answer is as expected.</summary>
    internal static async Task<string[]> Until(PbmTarget target, string line, Func<string[], bool> expected)
    {
        var start = Stopwatch.GetTimestamp();
        string[] lines = [];
        while (Stopwatch.GetElapsedTime(start) < _deadline)
        {
            try
            {
                lines = await Do(target, line);
                if (expected(lines))
                    return lines;
            }
            catch (PbmException error)
            {
                lines = [error.Message];
            }

            await Task.Delay(50);
        }

        Assert.Fail($"'{line}' not as expected within {_deadline.TotalSeconds} s:\n{string.Join('\n', lines)}");
        return lines;
    }

    internal Task<string[]> Until(string line, Func<string[], bool> expected) => Until(Coordinator, line, expected);
}
