using System.Text.Json;
using Ganymede.Cli;

namespace Ganymede.Tests;

/// <summary>The user's own tool does harm to a cluster, and says that it made no difference.</summary>
public sealed class ChaosTests : IDisposable
{
    private const double MaxStallSeconds = 3;

    private static readonly string[] Soak = ["--faults", "kill,stop,leave,join,coordinator", "--minutes", "2", "--every", "10s", "--seed", "3"];
    private static readonly string[] Denser = ["--faults", "kill,kill@points,pair,stop,leave,join,coordinator,lighthouse", "--minutes", "2", "--every", "3s"];

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>Two minutes of it in the checks of every change; more kinds, at shorter intervals, otherwise.</summary>
    [Fact]
    public async Task Two_minutes_of_faults_change_nothing_and_nobody_hangs_or_grows()
    {
        var result = await Chaos(Slow.Or(Denser, Soak));

        var faults = result.GetProperty("faults").EnumerateArray().ToArray();
        Assert.InRange(faults.Length, 4, 60);
        Assert.All(faults, fault => Assert.InRange(fault.GetProperty("secondsToNextCommit").GetDouble(), 0, 60));
        // The checks of other projects run beside this one, so that detection may be late, but not by much.
        var evictions = faults.Select(fault => fault.GetProperty("secondsToEviction")).Where(seconds => seconds.ValueKind == JsonValueKind.Number).Select(seconds => seconds.GetDouble()).ToArray();
        Assert.NotEmpty(evictions);
        Assert.All(evictions, seconds => Assert.InRange(seconds, 0, 2 * MaxStallSeconds));
        Assert.All(faults.Where(fault => fault.GetProperty("kind").GetString() == "coordinator"), fault => Assert.True(fault.GetProperty("stepsMeanwhile").GetInt64() > 0, "nobody trained while there was no Coordinator"));
        Assert.InRange(result.GetProperty("memoryGrowth").GetDouble(), 0.5, 1.2);
    }

    [Fact]
    public async Task A_cut_link_costs_one_of_its_ends_and_the_run_nothing()
    {
        if (!Slow.IsOn || TestHosts.WhatIsMissing() is not null)
            Assert.Skip($"set GANYMEDE_SLOW_TESTS=1{(TestHosts.WhatIsMissing() is { } missing ? $"; {missing}" : "")}");

        var result = await Chaos("--faults", "partition", "--each", "4", "--every", "2s");

        Assert.Equal(4, result.GetProperty("faults").GetArrayLength());
    }

    private async Task<JsonElement> Chaos(params string[] arguments)
    {
        var finished = await Command.Ganymede(_folder.Path, TimeSpan.FromMinutes(15),
            ["chaos", "--nodes", "3", "--shards", "8", "--batch", "16", "--checkpoint-every", "20", "--max-stall", $"{MaxStallSeconds}", "--out", _folder["run"], "--json", .. arguments]);
        Assert.True(finished.ExitCode == 0, $"exit code {finished.ExitCode}\n{finished.Output}\n{finished.Error}");
        var result = JsonDocument.Parse(finished.Output).RootElement;
        Assert.True(result.GetProperty("weightsEqual").GetBoolean());
        return result;
    }
}
