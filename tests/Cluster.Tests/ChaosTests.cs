using System.Text.Json;
using Ganymede.Cli;

namespace Ganymede.Tests;

/// <summary>The user's own tool does harm to a cluster, and says that it made no difference.</summary>
public sealed class ChaosTests : IDisposable
{
    private static readonly string[] Longer = ["--faults", "kill,kill@points,pair,stop,leave,join,coordinator,lighthouse", "--minutes", "2", "--every", "3s"];
    private static readonly string[] Slice = ["--faults", "pair", "--each", "1", "--every", "0.5s"];

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>A slice in the checks of every change; two minutes of all that needs no root otherwise.</summary>
    [Fact]
    public async Task Faults_of_several_kinds_change_nothing()
    {
        var result = await Chaos(Slow.Or(Longer, Slice));

        Assert.True(result.GetProperty("weightsEqual").GetBoolean());
        Assert.All(result.GetProperty("faults").EnumerateArray(), fault => Assert.InRange(fault.GetProperty("secondsToNextCommit").GetDouble(), 0, 60));
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
        var finished = await Command.Ganymede(_folder.Path, ["chaos", "--nodes", "3", "--shards", "8", "--batch", "16", "--checkpoint-every", "20", "--out", _folder["run"], "--json", .. arguments]);
        Assert.True(finished.ExitCode == 0, finished.Error);
        return JsonDocument.Parse(finished.Output).RootElement;
    }
}
