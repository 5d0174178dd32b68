using System.Text.Json;

namespace Ganymede.Tests;

/// <summary>A local cluster that stays: up, work from other commands, status, logs, down.</summary>
public sealed class StayingClusterTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task It_stays_takes_work_is_looked_at_and_goes_down_with_all_its_processes()
    {
        string[] where = ["--folder", _folder["cluster"]];
        Assert.Equal(3, (await Ganymede("status", [.. where])).ExitCode);
        var up = await Ganymede("up", ["--nodes", "1", "--json", .. where]);
        Assert.True(up.ExitCode == 0, up.Error);
        var programs = JsonDocument.Parse(up.Output).RootElement.GetProperty("programs").EnumerateArray().ToArray();
        Assert.Equal(["lighthouse", "coordinator", "gpu-node-1"], programs.Select(program => program.GetProperty("name").GetString()));
        var pids = programs.Select(program => program.GetProperty("pid").GetInt32()).ToArray();
        var keeper = JsonDocument.Parse(File.ReadAllText(_folder["cluster/keeper.json"])).RootElement.GetProperty("pid").GetInt32();
        try
        {
            Assert.All(pids, pid => Assert.True(Command.IsAlive(pid)));
            var second = await Ganymede("up", ["--nodes", "1", .. where]);
            Assert.Equal(2, second.ExitCode);
            Assert.Contains("a cluster of 1 nodes is up there since", second.Error, StringComparison.Ordinal);

            var trained = await Ganymede("train", ["--cluster", _folder["cluster"], "--nodes", "1", "--steps", "2", "--batch", "8", "--shards", "1", "--out", "run", "--json"]);
            Assert.True(trained.ExitCode == 0, trained.Error);
            Assert.Equal(2, JsonDocument.Parse(trained.Output).RootElement.GetProperty("steps").GetInt32());
            var status = await Ganymede("status", [.. where]);
            Assert.True(status.ExitCode == 0, status.Error);
            foreach (var expected in new[] { "gpu-node-1", "alive", "finished", "Count: 1 nodes", "Count: 1 runs" })
                Assert.Contains(expected, status.Output, StringComparison.Ordinal);
            var logs = await Ganymede("logs", ["coordinator", "-n", "1000", .. where]);
            Assert.Contains("GANYMEDE-READY", logs.Output, StringComparison.Ordinal);
            Assert.Equal(2, (await Ganymede("logs", ["nobody", .. where])).ExitCode);

            Command.Signal(pids[2], 9);
            await Command.Until(() => !Command.IsAlive(pids[2]), TimeSpan.FromSeconds(10), "the node's death");
            var hurt = await Ganymede("status", ["--json", .. where]);
            Assert.Equal(1, hurt.ExitCode);
            Assert.False(JsonDocument.Parse(hurt.Output).RootElement.GetProperty("programs")[2].GetProperty("alive").GetBoolean());
        }
        finally
        {
            var down = await Ganymede("down", [.. where]);
            Assert.True(down.ExitCode == 0, down.Error);
        }

        Assert.All(pids.Append(keeper), pid => Assert.False(Command.IsAlive(pid)));
        Assert.False(File.Exists(_folder["cluster/cluster.json"]));
        Assert.Contains("No cluster is up", (await Ganymede("down", [.. where])).Output, StringComparison.Ordinal);
    }

    private Task<Finished> Ganymede(string command, string[] arguments) => Command.Ganymede(_folder.Path, [command, .. arguments]);
}
