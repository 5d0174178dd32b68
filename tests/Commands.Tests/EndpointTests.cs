using System.Buffers.Binary;
using System.Net.Sockets;
using System.Text.Json;
using System.Text.RegularExpressions;
using Ganymede.Commands;

namespace Ganymede.Tests;

/// <summary>Every command, through the real socket of real programs; and what happens to those who send anything else.</summary>
public sealed partial class EndpointTests(PbmCluster cluster) : IClassFixture<PbmCluster>
{
    [Fact]
    public async Task Cluster_actor_and_log_commands_answer_on_every_program()
    {
        foreach (var name in new[] { "lighthouse", "coordinator", "gpu-node-1" })
        {
            var target = cluster.Target(name);
            // Another test may just have killed a node: first it is taken out, then it is gone from everybody's list.
            await PbmCluster.Until(target, "cluster down-unreachable", lines => lines is ["No member is unreachable."]);
            var shown = await PbmCluster.Until(target, "cluster show", lines => lines[..^1].All(line => line.Contains("] | up |  | ", StringComparison.Ordinal)));
            Assert.Equal($"Count: {shown.Length - 1} nodes", shown[^1]);
            Assert.All(shown[..^1], line => Assert.Matches(MemberLine(), line));
            Assert.Equal(shown, await PbmCluster.Do(target, "members"));
            Assert.Contains(cluster.Entry(name).Akka, Assert.Single(await PbmCluster.Do(target, "cluster status")), StringComparison.Ordinal);
            Assert.StartsWith("akka.tcp://ganymede@127.0.0.1:", Assert.Single(await PbmCluster.Do(target, "cluster leader")), StringComparison.Ordinal);
            Assert.Contains($"address: {cluster.Entry(name).Akka}", await PbmCluster.Do(target, "actor system"));
            Assert.Contains("  decider-proxy", await PbmCluster.Do(target, "actor hierarchy -s /user -d 2"));
            await PbmCluster.Until(target, "node list", lines => lines[^1] == "Count: 2 nodes"); // the Coordinator's answer, from anywhere
        }

        Assert.Equal("/user", Assert.Single(await cluster.Do("actor hierarchy -d 0 -s /user")));
        Assert.Contains("no actor 'nobody'", (await cluster.Fail("actor hierarchy -s /user/nobody")).Message, StringComparison.Ordinal);
        Assert.Contains("in a cluster already", (await cluster.Fail($"cluster join -a {cluster.Entry("lighthouse").Akka}")).Message, StringComparison.Ordinal);
        Assert.Contains("have it leave instead", (await cluster.Fail($"cluster down -a {cluster.Entry("coordinator").Akka}")).Message, StringComparison.Ordinal);
        Assert.Contains("No member of the cluster", (await cluster.Fail("cluster down -a akka.tcp://ganymede@127.0.0.1:1")).Message, StringComparison.Ordinal);
        Assert.True((await cluster.Fail("cluster leave -a nonsense")).IsUsage);
    }

    [Fact]
    public async Task Levels_of_the_log_change_at_once_and_the_log_can_be_followed()
    {
        var node = cluster.Target("gpu-node-1");
        Assert.Equal(["Ganymede.Commands: Warning"], await PbmCluster.Do(node, "log level -l warning -c Ganymede.Commands"));
        Assert.Contains("Ganymede.Commands: Warning", await PbmCluster.Do(node, "log level"));
        async Task<int> Asked() => (await PbmCluster.Do(node, "log peek -n 2000")).Count(line => line.Contains("asks for 'actor system'", StringComparison.Ordinal));
        var before = await Asked(); // by other tests
        await PbmCluster.Do(node, "actor system");
        Assert.Equal(before, await Asked());
        await PbmCluster.Do(node, "log level -l Information -c Ganymede.Commands");
        await PbmCluster.Until(node, "log peek -n 2000", lines => lines.Any(line => line.Contains("Log level of Ganymede.Commands is set to Warning by pbm 127.0.0.1:", StringComparison.Ordinal)));

        await using var client = await PbmClient.ConnectAsync(node.Host, node.Port, CancellationToken.None);
        using var enough = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        var tail = client.RunAsync(["log", "tail", "-l", "Information"], enough.Token).GetAsyncEnumerator(CancellationToken.None);
        do
        {
            var next = tail.MoveNextAsync().AsTask();
            await PbmCluster.Until(node, "cluster leader", _ => next.IsCompleted); // each of which is a line of the log, among those of others
            Assert.True(await next, "the log was not followed for as long as a line took");
        }
        while (!tail.Current.Contains("asks for 'cluster leader'", StringComparison.Ordinal));
        await enough.CancelAsync();
        while (await tail.MoveNextAsync())
        {
        }

        Assert.Single(await All(client, "cluster leader")); // the connection is as good as before
        Assert.True((await cluster.Fail("log level -l loud")).IsUsage);
    }

    [Fact]
    public async Task A_run_is_started_watched_paused_resumed_drained_and_stopped_and_its_weights_are_those_of_a_quiet_one()
    {
        const string Job = "run start -p cgan-32 -d fashion-mnist -b 8 -v 4 -c 0 -g 0 -e 7";
        Assert.Contains("none of", (await cluster.Fail("run start -p nothing")).Message, StringComparison.Ordinal);
        Assert.Contains("power of two", (await cluster.Fail("run start -v 3")).Message, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("absolute path", (await cluster.Fail("run start -d photos")).Message, StringComparison.Ordinal);
        Assert.Contains("No run is going on", (await cluster.Fail("run pause")).Message, StringComparison.Ordinal);
        Assert.True((await cluster.Fail("run start -s many")).IsUsage);
        Assert.Contains("--seed does not go with --resume", (await cluster.Fail("run start -o somewhere --resume -e 3")).Message, StringComparison.Ordinal);

        var run = RunId().Match(Assert.Single(await cluster.Do($"{Job} -s 100000 -n 2 -o disturbed"))).Groups[1].Value;
        var tail = PbmCluster.Do(cluster.Target("gpu-node-1"), "run tail");
        await cluster.Until("run show", lines => lines.Contains("state: training") && !lines.Contains("step: 0 of 100000"));
        Assert.Contains("still going on", (await cluster.Fail($"{Job} -o other")).Message, StringComparison.Ordinal);

        Assert.Contains("pauses after the step in hand", Assert.Single(await PbmCluster.Do(cluster.Target("gpu-node-2"), "run pause")), StringComparison.Ordinal);
        var paused = await cluster.Until("run show", lines => lines.Any(line => line.StartsWith("state: paused, by pbm 127.0.0.1:", StringComparison.Ordinal)));
        var step = StepOf(paused);
        Assert.Contains(await cluster.Do("node list"), line => line.StartsWith("gpu-node-2", StringComparison.Ordinal) && line.Contains(" paused ", StringComparison.Ordinal));
        await cluster.Until("run checkpoint", lines => lines[0].Contains($"paused at step {step}, and a checkpoint of that step is written", StringComparison.Ordinal));
        Assert.True(Directory.GetDirectories(cluster.Folder["runs/disturbed/checkpoints"]).Length > 0);
        Assert.Equal(step, StepOf(await cluster.Do("run show")));
        await cluster.Do("run resume");
        await cluster.Until("run show", lines => StepOf(lines) > step);
        Assert.Contains("is not paused", (await cluster.Fail($"run resume -r {run}")).Message, StringComparison.Ordinal);

        await cluster.Do("node drain -n gpu-node-2");
        await cluster.Until("node show -n gpu-node-2", lines => lines.Any(line => line.StartsWith("state: drained, by pbm", StringComparison.Ordinal)));
        Assert.Contains(await cluster.Do("view show"), line => line.StartsWith("gpu-node-1", StringComparison.Ordinal) && line.Contains("0..3", StringComparison.Ordinal));
        await cluster.Do("node undrain -n gpu-node-2");
        await cluster.Until("view show", lines => lines.Count(line => line.Contains(" training ", StringComparison.Ordinal)) == 2);
        Assert.Equal(["gpu-node-1", "gpu-node-2"], (await cluster.Do("node devices")).Select(line => line[..10]));
        Assert.True((await cluster.Do("view history")).Length >= 4);
        Assert.Contains(await cluster.Do("run list"), line => line.StartsWith(run, StringComparison.Ordinal) && line.Contains("training", StringComparison.Ordinal));
        Assert.Contains("after the step in hand", Assert.Single(await cluster.Do("run checkpoint")), StringComparison.Ordinal);

        var quiet = (step / 10 + 2) * 10;
        await cluster.Until("run show", lines => StepOf(lines) >= quiet);
        await cluster.Do("run stop");
        var events = string.Join('\n', await tail);
        foreach (var expected in new[] { "Pause asked for by pbm 127.0.0.1:", "Paused at step", "Resumed by pbm", "drained by pbm", "Stopped after step" })
            Assert.Contains(expected, events, StringComparison.Ordinal);
        Assert.Contains(await cluster.Do("run explain"), said => said.Contains("each once", StringComparison.Ordinal));
        Assert.Contains("is over", (await cluster.Fail($"run stop -r {run}")).Message, StringComparison.Ordinal);

        // The quiet one goes a few steps beyond the pause, and its weights are the same.
        await cluster.Until($"{Job} -s {quiet} -n 1 -o quiet", lines => RunId().IsMatch(lines[0])); // as soon as the other one is off the books
        await cluster.Do("run tail");
        Assert.Equal(Hashes("quiet", quiet), Hashes("disturbed", quiet));

        Assert.True((await cluster.Fail("generate start")).IsUsage);
        var job = JobId().Match(Assert.Single(await cluster.Do("generate start -r quiet -n 20 -c bag"))).Groups[1].Value;
        Assert.Contains(await cluster.Do($"generate tail -j {job}"), said => said.Contains("Done: 20 images", StringComparison.Ordinal));
        Assert.Contains("state: finished", await cluster.Do($"generate show -j {job}"));
        Assert.Contains(await cluster.Do("generate list"), said => said.StartsWith(job, StringComparison.Ordinal));
        Assert.Contains("is going on", (await cluster.Fail($"generate cancel -j {job}")).Message, StringComparison.Ordinal);
        Assert.Equal(20, Directory.GetFiles(cluster.Folder["runs/quiet/images/bag"], "*.png").Length);
        var endless = JobId().Match(Assert.Single(await cluster.Do("generate start -r quiet -n 1000000 -t many"))).Groups[1].Value;
        await cluster.Do($"generate cancel -j {endless}");
        Assert.Contains("Cancelled by pbm", string.Join('\n', await cluster.Do($"generate show -j {endless}")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_node_leaves_when_it_is_told_to_and_a_dead_one_is_taken_out()
    {
        await using var client = await PbmClient.ConnectAsync(cluster.Coordinator.Host, cluster.Coordinator.Port, CancellationToken.None);
        using var enough = new CancellationTokenSource();
        List<string> changes = [];
        var tailing = Task.Run(async () =>
        {
            await foreach (var line in client.RunAsync(["cluster", "tail"], enough.Token))
            {
                lock (changes)
                    changes.Add(line);
            }
        });
        bool Saw(string address, string change)
        {
            lock (changes)
                return changes.Any(line => line.EndsWith($"{address} [gpu-node] {change}", StringComparison.Ordinal));
        }

        var leaver = await cluster.Add();
        await cluster.Until("node list", lines => lines.Any(line => line.StartsWith(leaver.Name!, StringComparison.Ordinal)));

        await PbmCluster.Do(PbmTarget.TryParse(leaver.Pbm!)!, "cluster leave"); // no argument: itself

        await Command.Until(() => !Command.IsAlive(leaver.Pid), TimeSpan.FromSeconds(60), "the end of the node that left");
        await cluster.Until("cluster show", lines => !lines.Any(line => line.Contains(leaver.Akka, StringComparison.Ordinal)));

        var dead = await cluster.Add();
        var address = dead.Akka;
        await cluster.Until("cluster show", lines => lines.Any(line => line.Contains(address, StringComparison.Ordinal) && line.Contains("| up |", StringComparison.Ordinal)));
        Command.Signal(dead.Pid, 9);
        await cluster.Do($"cluster down -a {address}");
        await cluster.Until("cluster show", lines => !lines.Any(line => line.Contains(address, StringComparison.Ordinal)));
        await Command.Until(() => Saw(leaver.Akka, "leaving") && Saw(leaver.Akka, "removed") && Saw(address, "down") && Saw(address, "removed"), TimeSpan.FromSeconds(30), "the changes in 'cluster tail'");
        await enough.CancelAsync();
        await tailing;
    }

    [Fact]
    public async Task The_command_line_tells_done_failed_misunderstood_and_no_connection_by_its_exit_code()
    {
        var at = cluster.Entry("coordinator").Pbm!;
        var done = await Command.Ganymede(cluster.Folder.Path, "pbm", at, "--json", "cluster", "show");
        Assert.Equal(0, done.ExitCode);
        var json = JsonDocument.Parse(done.Output).RootElement;
        Assert.Equal("Count: 4 nodes", json.GetProperty("lines")[4].GetString());
        Assert.True(json.GetProperty("done").GetBoolean());
        Assert.Equal(1, (await Command.Ganymede(cluster.Folder.Path, "pbm", at, "run", "show", "-r", "nothing")).ExitCode);
        var misunderstood = await Command.Ganymede(cluster.Folder.Path, "pbm", at, "cluster", "shw");
        Assert.Equal((2, "ganymede: cluster: there is no command 'shw'; there are show, status, leader, join, leave, down, down-unreachable, tail."), (misunderstood.ExitCode, misunderstood.Error.TrimEnd()));
        Assert.Equal(2, (await Command.Ganymede(cluster.Folder.Path, "pbm", "nonsense:x", "cluster", "show")).ExitCode);
        Assert.Equal(3, (await Command.Ganymede(cluster.Folder.Path, "pbm", "127.0.0.1:1", "cluster", "show")).ExitCode);
        var talk = Command.StartInfo(cluster.Folder.Path, "pbm", at);
        var said = await Command.RunAsync(talk, "help node drain\ncluster leader\nwhat\n");
        Assert.Equal(0, said.ExitCode);
        foreach (var expected in new[] { "Usage: node drain -n, --node NODE", "akka.tcp://ganymede@127.0.0.1:", "There is no palette 'what'" })
            Assert.Contains(expected, said.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_thousand_hostile_clients_do_no_harm()
    {
        var target = cluster.Target("lighthouse");
        var process = cluster.Entry("lighthouse").Pid;
        await PbmCluster.Do(target, "cluster leader");
        var before = Resident(process);
        await Parallel.ForEachAsync(Enumerable.Range(0, 1000), new ParallelOptions { MaxDegreeOfParallelism = 16 }, async (number, cancel) =>
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            await socket.ConnectAsync(target.Host, target.Port, cancel);
            try
            {
                await socket.SendAsync(Hostile(new Random(number)), cancel);
                socket.Shutdown(SocketShutdown.Send);
                var answer = new byte[4096];
                while (await socket.ReceiveAsync(answer, cancel) > 0)
                {
                }
            }
            catch (SocketException)
            {
                // Cut off in the middle, which is right.
            }
        });

        Assert.Single(await PbmCluster.Do(target, "cluster leader"));
        Assert.InRange(Resident(process) - before, long.MinValue, 150L << 20);
        var log = File.ReadAllText(cluster.Folder["logs/lighthouse.log"]);
        Assert.DoesNotContain("was not foreseen", log, StringComparison.Ordinal);
        Assert.Contains("was turned away", log, StringComparison.Ordinal);
    }

    /// <summary>Random bytes, lengths that lie, cut frames, frames in the wrong order, well-formed nonsense, and real frames with damage.</summary>
    private static byte[] Hostile(Random random)
    {
        byte[] hello = PbmWire.Write(new Hello(PbmWire.Magic, PbmWire.Version));
        byte[] noise = new byte[random.Next(1, 5000)];
        random.NextBytes(noise);
        byte[] length = new byte[4];
        switch (random.Next(10))
        {
            case 0:
                return noise;
            case 1:
                BinaryPrimitives.WriteInt32BigEndian(length, random.Next(4) switch { 0 => int.MaxValue, 1 => -1, 2 => 0, _ => PbmWire.LargestRequest + 1 });
                return [.. random.Next(2) == 0 ? hello : [], .. length, .. noise];
            case 2:
                return hello[..random.Next(hello.Length)];
            case 3:
                return PbmWire.Write(new Invoke(1, ["cluster", "show"]));
            case 4:
                return [.. hello, .. PbmWire.Write(new Welcome(1, "x", "y", [])), .. hello];
            case 5: // an array that claims to be long, and one within another without end
                byte[] bomb = random.Next(2) == 0 ? [0x92, 0x03, 0x92, 0x01, 0xdd, 0xff, 0xff, 0xff, 0xff] : [.. Enumerable.Repeat((byte)0x91, 60_000)];
                BinaryPrimitives.WriteInt32BigEndian(length, bomb.Length);
                return [.. hello, .. length, .. bomb];
            case 6:
                return PbmWire.Write(new Hello(random.Next(2) == 0 ? PbmWire.Magic : "other", random.Next()));
            case 7:
                return [.. hello, .. PbmWire.Write(new Invoke(1, [.. Enumerable.Range(0, random.Next(300)).Select(_ => new string((char)random.Next(1, 0xd000), random.Next(60)))]))];
            case 8:
                return [.. hello, .. PbmWire.Write(new Invoke(1, [null!, "cluster"])), .. PbmWire.Write(new Cancel(7)), .. PbmWire.Write(new Invoke(2, null!))];
            default:
                byte[] damaged = [.. hello, .. PbmWire.Write(new Invoke(random.Next(), ["actor", "hierarchy", "-d", "2"]))];
                for (var i = 0; i < 3; i++)
                    damaged[random.Next(damaged.Length)] = (byte)random.Next(256);
                return damaged;
        }
    }

    private static long Resident(int process) =>
        long.Parse(File.ReadLines($"/proc/{process}/status").First(line => line.StartsWith("VmRSS", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], System.Globalization.CultureInfo.InvariantCulture) << 10;

    private static async Task<string[]> All(PbmClient client, string line)
    {
        List<string> lines = [];
        await foreach (var said in client.RunAsync(WordSplitter.Split(line), CancellationToken.None))
            lines.Add(said);
        return [.. lines];
    }

    private static long StepOf(string[] shown) =>
        long.Parse(shown.First(line => line.StartsWith("step: ", StringComparison.Ordinal)).Split(' ')[1], System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>Every tenth step's hash of the weights, from the ledger.</summary>
    private string[] Hashes(string run, long upTo)
    {
        var hashes = File.ReadLines(cluster.Folder[$"runs/{run}/ledger.jsonl"]).Select(line => JsonDocument.Parse(line).RootElement)
            .Where(line => line.GetProperty("step").GetInt64() <= upTo && line.TryGetProperty("weights", out _))
            .Select(line => $"{line.GetProperty("step").GetInt64()} {line.GetProperty("weights").GetString()}").ToArray();
        Assert.Equal(upTo / 10, hashes.Length);
        return hashes;
    }

    [GeneratedRegex(@"^akka\.tcp://ganymede@127\.0\.0\.1:\d+ \| \[(lighthouse|coordinator|gpu-node)\] \| (up|leaving|exiting|down|joining) \| (unreachable)? \| \d+\.\d+\.\d+\S*$")]
    private static partial Regex MemberLine();

    [GeneratedRegex(@"^Run (\S+) starts in ")]
    private static partial Regex RunId();

    [GeneratedRegex(@"^Job (\S+) draws ")]
    private static partial Regex JobId();
}
