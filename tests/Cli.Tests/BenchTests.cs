using System.Text.Json;

namespace Ganymede.Tests;

public sealed class BenchTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task All_reduce_between_real_processes_is_measured_beside_its_ceiling_and_fitted()
    {
        var run = await Command.Ganymede(
            _folder.Path, "bench", "allreduce", "--members", "2,3", "--megabytes", "1", "--kilobytes", "4", "--rounds", "3", "--peer", "none", "--model", "--json");

        Assert.True(run.ExitCode == 0, run.Error);
        using var json = JsonDocument.Parse(run.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries)[^1]);
        var results = json.RootElement.GetProperty("results").EnumerateArray().ToArray();
        Assert.Equal([(2, 4096L), (2, 1L << 20), (3, 4096L), (3, 1L << 20)],
            results.Select(row => (row.GetProperty("members").GetInt32(), row.GetProperty("bytes").GetInt64())));
        foreach (var row in results)
        {
            var (members, seconds) = (row.GetProperty("members").GetInt32(), row.GetProperty("medianSeconds").GetDouble());
            Assert.InRange(seconds, 1e-6, 10);
            Assert.Equal(2.0 * (members - 1) / members * row.GetProperty("bytes").GetInt64() / seconds / 1e9, row.GetProperty("busGigabytesPerSecond").GetDouble(), 1e-6);
        }

        Assert.Equal(4, json.RootElement.GetProperty("ceiling").GetArrayLength());
        Assert.Equal(0, json.RootElement.GetProperty("peer").GetArrayLength());
        Assert.Equal(32, json.RootElement.GetProperty("model").GetProperty("projection").GetArrayLength());
    }

    [Fact]
    public async Task Values_of_a_setting_are_compared_in_turns()
    {
        var run = await Command.Ganymede(
            _folder.Path, "bench", "allreduce", "--compare", "algorithm=direct,doubling", "--members", "3", "--megabytes", "1", "--kilobytes", "4", "--rounds", "3", "--json");

        Assert.True(run.ExitCode == 0, run.Error);
        using var json = JsonDocument.Parse(run.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries)[^1]);
        var results = json.RootElement.GetProperty("results").EnumerateArray().ToArray();
        Assert.Equal([("algorithm=direct", 4096L), ("algorithm=doubling", 4096L), ("algorithm=direct", 1L << 20), ("algorithm=doubling", 1L << 20)],
            results.Select(row => (row.GetProperty("setting").GetString()!, row.GetProperty("bytes").GetInt64())));
        Assert.All(results, row => Assert.InRange(row.GetProperty("medianSeconds").GetDouble(), 1e-6, 10));
    }
}
