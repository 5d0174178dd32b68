using System.Diagnostics;
using System.Net;
using System.Text.Json;
using Ganymede.Cli;
using Ganymede.Messages;
using Ganymede.Messages.Api;

namespace Ganymede.Tests;

/// <summary>Local clusters of real processes: what they leave to see while they live, and that nothing is left after.</summary>
public sealed class LocalClusterTests : IDisposable
{
    private static readonly ClusterFlags.Values OneNode = new(1, ["cpu"], 1, null);
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Every_process_is_in_cluster_json_and_healthy_and_ends_with_the_cluster()
    {
        Entry[] entries;
        await using (var cluster = await LocalCluster.StartAsync(OneNode, _folder.Path, CancellationToken.None))
        {
            entries = Entries();
            Assert.Equal(["lighthouse", "coordinator", "gpu-node"], entries.Select(entry => entry.Role));
            Assert.All(entries, entry => Assert.True(Command.IsAlive(entry.Pid)));
            Assert.All(entries, entry => Assert.Contains("@127.0.0.1:", entry.Akka, StringComparison.Ordinal));
            Assert.All(entries.Skip(1), entry => Assert.StartsWith("127.0.0.1:", entry.Data, StringComparison.Ordinal));

            using var http = new HttpClient();
            foreach (var entry in entries)
                Assert.Equal(HttpStatusCode.OK, (await http.GetAsync(new Uri($"{entry.Http}/healthz/live"))).StatusCode);

            using var client = new CoordinatorClient(cluster.Coordinator);
            var start = Stopwatch.GetTimestamp();
            while ((await client.NodesAsync(CancellationToken.None)).Count == 0)
                Assert.True(Stopwatch.GetElapsedTime(start) < TimeSpan.FromSeconds(60), "no node registered");
        }

        Assert.All(entries, entry => Assert.False(Command.IsAlive(entry.Pid)));
        foreach (var log in new[] { "lighthouse", "coordinator", "gpu-node-1" })
            Assert.Contains("GANYMEDE-READY", File.ReadAllText(_folder[$"logs/{log}.log"]), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_process_that_dies_is_named_with_its_exit_code_and_last_lines()
    {
        await using var cluster = await LocalCluster.StartAsync(OneNode, _folder.Path, CancellationToken.None);
        var node = Entries().Single(entry => entry.Role == "gpu-node");
        using (var process = Process.GetProcessById(node.Pid))
            process.Kill();

        var failure = await cluster.Broken.WaitAsync(TimeSpan.FromSeconds(20));

        Assert.Equal(ExitCode.Failed, failure.ExitCode);
        Assert.Contains($"gpu-node-1 (process {node.Pid}) ended unexpectedly with exit code 137 (killed", failure.Lines[0], StringComparison.Ordinal);
        Assert.True(failure.Lines.Count > 1, "no last lines");
    }

    [Fact]
    public async Task A_process_that_cannot_start_fails_the_start_and_leaves_none_behind()
    {
        var failure = await Assert.ThrowsAsync<FailedException>(() =>
            LocalCluster.StartAsync(OneNode with { Devices = ["tpu"] }, _folder.Path, CancellationToken.None));

        Assert.Contains("gpu-node-1", failure.Lines[0], StringComparison.Ordinal);
        Assert.Contains("exit code 2", failure.Lines[0], StringComparison.Ordinal);
        Assert.Contains(failure.Lines, line => line.Contains("tpu", StringComparison.Ordinal));
        Assert.False(File.Exists(_folder["cluster.json"]));
        foreach (var log in Directory.GetFiles(_folder["logs"]))
        {
            if (File.ReadLines(log).Select(Announcement.Parse).FirstOrDefault(line => line is not null) is { } announced)
                Assert.False(Command.IsAlive(announced.Pid), $"{log}: process {announced.Pid} is left");
        }
    }

    [Theory]
    [InlineData(9)]
    [InlineData(2)]
    [InlineData(15)]
    public async Task However_the_command_ends_no_process_is_left_ten_seconds_later(int signal)
    {
        var start = Command.StartInfo(_folder.Path, "train", "--nodes", "1", "--steps", "100000", "--out", "run", "--batch", "8", "--shards", "1");
        start.RedirectStandardOutput = start.RedirectStandardError = true;
        using var command = Process.Start(start)!;
        var output = command.StandardOutput.ReadToEndAsync();
        var error = command.StandardError.ReadToEndAsync();
        await Command.Until(() => File.Exists(_folder["run/cluster.json"]) || command.HasExited, TimeSpan.FromSeconds(120), "cluster.json");
        Assert.False(command.HasExited, command.HasExited ? await error : null);
        var entries = Entries("run/cluster.json");

        Command.Signal(command.Id, signal);

        await Command.Until(() => !entries.Any(entry => Command.IsAlive(entry.Pid)), TimeSpan.FromSeconds(10), "the end of every process");
        await command.WaitForExitAsync();
        if (signal != 9)
            Assert.Equal(ExitCode.Interrupted, command.ExitCode);
        Assert.DoesNotContain("   at ", await output + await error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Ctrl_C_while_training_leaves_a_checkpoint_that_resume_goes_on_from()
    {
        string[] arguments = ["train", "--nodes", "1", "--batch", "8", "--shards", "1", "--out", "run", "--json"];
        var start = Command.StartInfo(_folder.Path, [.. arguments, "--steps", "100000"]);
        start.RedirectStandardOutput = start.RedirectStandardError = true;
        using var command = Process.Start(start)!;
        var output = command.StandardOutput.ReadToEndAsync();
        var error = command.StandardError.ReadToEndAsync();
        await Command.Until(() => new FileInfo(_folder["run/ledger.jsonl"]) is { Exists: true, Length: > 0 } || command.HasExited, TimeSpan.FromSeconds(120), "the first steps");

        Command.Signal(command.Id, 2);
        await command.WaitForExitAsync();

        Assert.Equal(ExitCode.Interrupted, command.ExitCode);
        Assert.True((await error).Contains("Stopping after the step in hand", StringComparison.Ordinal), await error);
        var stopped = JsonSerializer.Deserialize<RunResult>(await output, ApiJson.Options)!;
        Assert.True(stopped.Stopped);
        Assert.InRange(stopped.Steps, 1, 99_999);
        Assert.True(Directory.Exists(stopped.Checkpoint));

        var wrong = await Command.Ganymede(_folder.Path, [.. arguments, "--resume", "--seed", "43", "--set", "generator.width=96", "--steps", "1"]);
        Assert.Equal(2, wrong.ExitCode);
        foreach (var expected in new[] { "--seed 43: ", "--set generator.width 96: ", "--steps 1: " })
            Assert.Single(wrong.ErrorLines, line => line.StartsWith($"ganymede: {expected}", StringComparison.Ordinal));

        var resumed = await Command.Ganymede(_folder.Path, [.. arguments, "--resume", "--steps", $"{stopped.Steps + 2}"]);
        Assert.True(resumed.ExitCode == 0, resumed.Error);
        Assert.Equal(stopped.Steps + 2, JsonSerializer.Deserialize<RunResult>(resumed.Output, ApiJson.Options)!.Steps);
    }

    [Fact]
    public async Task The_members_do_not_take_the_terminals_Ctrl_C_for_their_own()
    {
        await using var cluster = await LocalCluster.StartAsync(OneNode, _folder.Path, CancellationToken.None);
        var entries = Entries();

        foreach (var entry in entries)
            Command.Signal(entry.Pid, 2);

        // They answer after the signal has been delivered, and nothing has broken the cluster.
        using var http = new HttpClient();
        foreach (var entry in entries)
            Assert.Equal(HttpStatusCode.OK, (await http.GetAsync(new Uri($"{entry.Http}/healthz/live"))).StatusCode);
        await Assert.ThrowsAsync<TimeoutException>(() => cluster.Broken.WaitAsync(TimeSpan.FromSeconds(3)));
    }

    private Entry[] Entries(string file = "cluster.json") =>
        JsonSerializer.Deserialize<Entry[]>(File.ReadAllText(_folder[file]), JsonSerializerOptions.Web)!;

    private sealed record Entry(string Role, int Pid, string Akka, string? Data, string Http);
}
