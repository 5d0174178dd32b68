using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Ganymede.Commands;

namespace Ganymede.Cli;

/// <summary>
/// The process behind <c>./ganymede up</c>: holds a local cluster until it is told to end, starts a Coordinator that dies anew, and
/// does not belong to any terminal. The programs end with it, however it ends.
/// </summary>
internal static class Keeper
{
    /// <summary>Printed once every member is up, after which nobody listens to it.</summary>
    public const string UpLine = "GANYMEDE-UP";

    /// <summary>For every member to be up and every node to be registered.</summary>
    private static readonly TimeSpan _upDeadline = TimeSpan.FromSeconds(120);

    /// <summary>For a program to end in good order: nodes finish their step, and a run that all leave its checkpoint.</summary>
    private static readonly TimeSpan _leavePatience = TimeSpan.FromSeconds(30);

    /// <summary>Starts the cluster, says when it is up, keeps it until SIGTERM. Returns the exit code.</summary>
    public static async Task<int> RunAsync(ClusterFlags.Values wanted, ClusterFolder folder)
    {
        OwnProcess.LeaveTerminal();
        using var stop = new CancellationTokenSource();
        var asked = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var signal = PosixSignalRegistration.Create(PosixSignal.SIGTERM, context =>
        {
            context.Cancel = true;
            asked.TrySetResult();
            stop.Cancel();
        });
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, context => context.Cancel = true); // whoever started it decides

        await using var held = folder.TryLock() ?? throw UpCommand.IsUpAlready(folder);
        folder.Clear();
        var pbmPort = IsFree(PbmOptions.DefaultPort) ? PbmOptions.DefaultPort : 0;
        try
        {
            await using (var cluster = await LocalCluster.StartAsync(wanted, folder.Path, stop.Token, new LocalCluster.Settings(
                _leavePatience, pbmPort, folder.Runs, StaysWithoutNodes: true)))
            {
                await WaitAsync(cluster, folder, wanted.Nodes, stop.Token);
                folder.Write(new KeeperRecord(
                    Environment.ProcessId, OwnProcess.StartTicks(Environment.ProcessId)!.Value, DateTimeOffset.UtcNow, wanted.Nodes, wanted.Devices, wanted.Threads));
                await Console.Out.WriteLineAsync(UpLine);
                OwnProcess.RedirectOutput(Path.Combine(folder.Logs, "keeper.log"));
                Say($"up with {wanted.Nodes} nodes");
                if (await Task.WhenAny(asked.Task, cluster.Broken) == cluster.Broken)
                    Say(string.Join(Environment.NewLine, (await cluster.Broken).Lines));
                Say("ending");
            }

            Say("ended");
            return ExitCode.Done;
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            return ExitCode.Interrupted;
        }
        finally
        {
            folder.Clear();
        }
    }

    private static void Say(string text) => Console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{DateTimeOffset.UtcNow:yyyy-MM-ddTHH:mm:ss.fffZ} keeper: {text}"));

    private static async Task WaitAsync(LocalCluster cluster, ClusterFolder folder, int nodes, CancellationToken cancel)
    {
        using var http = new HttpClient { Timeout = TimeSpan.FromSeconds(5) };
        using var client = new CoordinatorClient(cluster.Coordinator);
        var start = Stopwatch.GetTimestamp();
        while (true)
        {
            var late = new List<string>();
            foreach (var entry in folder.Entries)
            {
                if (!await IsReadyAsync(http, entry.Http, cancel))
                    late.Add(entry.Name ?? entry.Role);
            }

            var registered = late.Count == 0 ? (await client.NodesAsync(cancel)).Count : 0;
            if (late.Count == 0 && registered == nodes)
                return;
            if (cluster.Broken.IsCompleted)
                throw await cluster.Broken;
            if (Stopwatch.GetElapsedTime(start) > _upDeadline)
            {
                throw new FailedException(late.Count > 0
                    ? $"{string.Join(", ", late)} not up within {_upDeadline.TotalSeconds:0} s. Logs: {folder.Logs}"
                    : $"{registered} of {nodes} nodes registered within {_upDeadline.TotalSeconds:0} s. Logs: {folder.Logs}");
            }

            await Task.Delay(100, cancel);
        }
    }

    private static async Task<bool> IsReadyAsync(HttpClient http, string address, CancellationToken cancel)
    {
        try
        {
            using var answer = await http.GetAsync(new Uri($"{address}/healthz/ready"), cancel);
            return answer.StatusCode == HttpStatusCode.OK;
        }
        catch (Exception error) when (error is HttpRequestException || (error is OperationCanceledException && !cancel.IsCancellationRequested))
        {
            return false;
        }
    }

    private static bool IsFree(int port)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Bind(new IPEndPoint(IPAddress.Loopback, port));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
