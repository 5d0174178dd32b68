using System.Globalization;
using System.Text.Json;
using Ganymede.Messages;
using Ganymede.Messages.Api;

namespace Ganymede.Cli;

/// <summary>
/// A cluster of real processes on this machine's loopback, for one command: a Lighthouse, a Coordinator and GPU nodes, all
/// on free ports. They end with this object, and with this process however it ends.
/// </summary>
internal sealed class LocalCluster : IAsyncDisposable
{
    /// <summary>Longest wait for a program to open its ports; a cold start on a busy machine takes seconds.</summary>
    private static readonly TimeSpan ReadyDeadline = TimeSpan.FromSeconds(90);

    /// <summary>Name of the file that lists the processes.</summary>
    public const string EntriesFile = "cluster.json";

    /// <summary>How long a program of a cluster for one command may take to leave it in good order.</summary>
    public static readonly TimeSpan ShortPatience = TimeSpan.FromSeconds(3);

    /// <summary>How often a program that died is started anew before it is given up.</summary>
    private const int RestartAttempts = 5;

    private const string CoordinatorName = "coordinator", LighthouseName = "lighthouse", NodePrefix = "gpu-node-";

    private readonly List<ChildProcess> _children = [];
    private readonly List<ClusterEntry> _entries = [];
    private readonly TaskCompletionSource<FailedException> _broken = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly string _folder;
    private readonly Settings _settings;
    private string[] _seed = [];
    private int _stopping, _added;
    private ClusterFlags.Values _wanted = null!;

    private LocalCluster(string folder, Settings settings) => (_folder, _settings) = (folder, settings);

    /// <summary>How a cluster that stays differs from one for a single command, whose programs take free ports for operators' commands.</summary>
    /// <param name="LeavePatience">Longest wait for a program to leave the cluster in good order before it is ended.</param>
    /// <param name="CoordinatorPbmPort">0 for a free one.</param>
    /// <param name="RunsFolder">Where runs go whose folder is not said; null for the Coordinator's own default.</param>
    /// <param name="StaysWithoutNodes">It goes on when the last GPU node has ended, too.</param>
    /// <param name="Hosts">Has each node run on a host of its own, and the others on another; null for one machine.</param>
    /// <param name="Environment">Variables for the programs.</param>
    public sealed record Settings(TimeSpan LeavePatience, int CoordinatorPbmPort = 0, string? RunsFolder = null, bool StaysWithoutNodes = false,
        TestHosts? Hosts = null, IReadOnlyDictionary<string, string>? Environment = null);

    /// <summary>An entry of <c>cluster.json</c>.</summary>
    /// <param name="StartTicks">See <see cref="OwnProcess.StartTicks"/>.</param>
    public sealed record ClusterEntry(string Role, int Pid, string Akka, string? Data, string Http, string? Pbm, string? Name, long StartTicks);

    public Uri Coordinator { get; private set; } = null!;

    /// <summary>Every program that was started, its newest life.</summary>
    public IReadOnlyList<ClusterEntry> Entries
    {
        get
        {
            lock (_entries)
                return [.. _entries];
        }
    }

    /// <summary>How often a Coordinator or Lighthouse that dies is started anew: one that does so again and again has a reason that this does not cure.</summary>
    public int RestartsLeft { get; set; } = 5;

    /// <summary>How many GPU nodes it was started with.</summary>
    public int Wanted => _wanted.Nodes;

    /// <summary>GPU nodes that live.</summary>
    public IReadOnlyList<(string Name, int Pid)> Nodes => Living(IsNode);

    /// <summary>The Coordinator's process; none for the moment between a death and the next start.</summary>
    public int? CoordinatorPid => PidOf(CoordinatorName);

    /// <summary>The Lighthouse's process, likewise.</summary>
    public int? LighthousePid => PidOf(LighthouseName);

    /// <summary>Processes that have ended.</summary>
    public IReadOnlyList<string> Ended
    {
        get
        {
            lock (_children)
                return [.. _children.Where(child => child.Ended.IsCompleted).Select(child => child.Name)];
        }
    }

    /// <summary>Completes when a process ended without which the work cannot go on, with what is known of it.</summary>
    public Task<FailedException> Broken => _broken.Task;

    /// <summary>Starts the processes, waits until all have their ports open, and writes <c>cluster.json</c>.</summary>
    /// <param name="folder">The run's folder, where <c>logs/</c> and <c>cluster.json</c> go; made if it is not there.</param>
    /// <exception cref="FailedException">One of them ended or was late; none is left.</exception>
    public static async Task<LocalCluster> StartAsync(ClusterFlags.Values wanted, string folder, CancellationToken cancel, Settings? settings = null)
    {
        var cluster = new LocalCluster(folder, settings ?? new Settings(ShortPatience)) { _wanted = wanted };
        try
        {
            MakeLogs(folder);
            var lighthouse = await cluster.StartAsync(LighthouseName, "Lighthouse", ["--Cluster:Bootstrap=true"], cancel);

            // One that fails calls off the wait for the others.
            using var failed = CancellationTokenSource.CreateLinkedTokenSource(cancel);
            cluster._seed = [$"--Cluster:SeedNodes:0={lighthouse.Akka}"];
            var announcements = await Task.WhenAll(
                Enumerable.Range(1, wanted.Nodes)
                    .Select(number => (Name: NodeName(number), Program: "GpuNode", Arguments: cluster.NodeArguments(NodeName(number))))
                    .Prepend((Name: CoordinatorName, Program: "Coordinator", Arguments: cluster.CoordinatorArguments()))
                    .Select(async start =>
                    {
                        try
                        {
                            return await cluster.StartAsync(start.Name, start.Program, start.Arguments, failed.Token);
                        }
                        catch (FailedException)
                        {
                            await failed.CancelAsync();
                            throw;
                        }
                    }));

            cluster.Coordinator = new Uri(announcements[0].Http);
            cluster.WriteEntries();
            return cluster;
        }
        catch (Exception)
        {
            await cluster.KillAsync();
            await cluster.DisposeAsync();
            throw;
        }
    }

    private static void MakeLogs(string folder)
    {
        var logs = Path.Combine(folder, "logs");
        try
        {
            Directory.CreateDirectory(logs);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new BadInputException($"{logs}: cannot be made: {error.Message}");
        }
    }

    /// <summary>Starts one more node, which joins what is going on; its name.</summary>
    public async Task<string> AddNodeAsync(CancellationToken cancel)
    {
        string name;
        lock (_children)
            name = NodeName(++_added + _wanted.Nodes);
        await StartAsync(name, "GpuNode", NodeArguments(name), cancel);
        WriteEntries();
        return name;
    }

    /// <summary>Talks to the Coordinator, wherever it runs.</summary>
    /// <param name="key">The Coordinator's API key; null to bring none.</param>
    public CoordinatorClient Connect(string? key) => new(
        Coordinator, key: key, connect: _settings.Hosts is { } hosts ? (address, port, cancel) => hosts.ConnectAsync(HostOf(CoordinatorName), address, port, cancel) : null);

    /// <summary>Which of the test hosts a process runs on.</summary>
    public static int HostOf(string name) =>
        name.StartsWith(NodePrefix, StringComparison.Ordinal) ? int.Parse(name.AsSpan(NodePrefix.Length), CultureInfo.InvariantCulture) : 0;

    /// <summary>Ends the processes at once, without asking.</summary>
    public async Task KillAsync()
    {
        Interlocked.Exchange(ref _stopping, 1);
        await Task.WhenAll(_children.Select(child => child.StopAsync(TimeSpan.Zero)));
    }

    /// <summary>Asks the members to leave, the Lighthouse last, so that those who leave have somebody to tell.</summary>
    public async ValueTask DisposeAsync()
    {
        Interlocked.Exchange(ref _stopping, 1);
        if (_settings.StaysWithoutNodes) // with time for a last step, which needs the Coordinator's word
            await Task.WhenAll(_children.Where(IsNode).Select(child => child.StopAsync(_settings.LeavePatience)));
        foreach (var some in _children.ToLookup(child => child.Name == LighthouseName).OrderBy(group => group.Key))
            await Task.WhenAll(some.Select(child => child.StopAsync(_settings.LeavePatience)));
        foreach (var child in _children)
            await child.DisposeAsync();
    }

    /// <param name="isAnew">Of a program that died: that it may fail to start is its caller's to deal with.</param>
    private async Task<Announcement> StartAsync(string name, string program, IEnumerable<string> arguments, CancellationToken cancel, bool isAnew = false)
    {
        var pbm = arguments.Any(argument => argument.StartsWith("--Pbm:Port=", StringComparison.Ordinal)) ? Array.Empty<string>() : ["--Pbm:Port=0"];
        var child = ChildProcess.Start(
            name, program, arguments.Concat(pbm).Concat(HostArguments(name)), LogOf(name), _settings.Hosts?.Launcher(HostOf(name)), _settings.Environment);
        lock (_children)
            _children.Add(child);
        _ = WatchAsync(child, isAnew);
        try
        {
            var ready = await child.Ready.WaitAsync(ReadyDeadline, cancel);
            lock (_entries)
            {
                _entries.RemoveAll(entry => entry.Name == name);
                _entries.Add(new ClusterEntry(ready.Role, ready.Pid, ready.Akka, ready.Data, ready.Http, ready.Pbm, name, OwnProcess.StartTicks(ready.Pid) ?? 0));
            }

            return ready;
        }
        catch (TimeoutException)
        {
            throw new FailedException($"{name} (process {child.Pid}) has not opened its ports within {ReadyDeadline.TotalSeconds:0} s. Log: {LogOf(name)}");
        }
        catch (FailedException)
        {
            throw await DeathAsync(child);
        }
    }

    private async Task WatchAsync(ChildProcess child, bool isAnew)
    {
        await child.Ended;
        if (Volatile.Read(ref _stopping) != 0 || IsDoneWithout(child) || (isAnew && !child.Ready.IsCompletedSuccessfully))
            return;
        if (child.Name is CoordinatorName or LighthouseName && child.Ready.IsCompletedSuccessfully && RestartsLeft-- > 0)
            await RestartAsync(child, await child.Ready);
        else
            _broken.TrySetResult(await DeathAsync(child));
    }

    /// <summary>
    /// The same program on the ports of the one that died, taken in by whoever lives: members train on meanwhile. A Coordinator takes the run over
    /// from what they report, and whoever follows the run's events finds it where it was; a Lighthouse must not found a cluster beside theirs.
    /// The cluster takes the new process of an address for the old one's end. A port may have been given to somebody else meanwhile, for a while: it is tried again.
    /// </summary>
    private async Task RestartAsync(ChildProcess child, Announcement died)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                await StartAsync(child.Name, child.Name == CoordinatorName ? "Coordinator" : "Lighthouse",
                [
                    .. SeedsFor(child), $"--Cluster:Port={new Uri(died.Akka).Port}", $"--Http:Port={new Uri(died.Http).Port}",
                    .. died.Data is { } data ? [$"--Data:Port={data.Split(':')[^1]}"] : Array.Empty<string>(),
                    $"--Pbm:Port={died.Pbm?.Split(':')[^1] ?? "0"}", .. child.Name == CoordinatorName ? RunsArguments : [],
                ], CancellationToken.None, isAnew: true);
                WriteEntries();
                return;
            }
            catch (FailedException failure)
            {
                if (Volatile.Read(ref _stopping) != 0)
                    return;
                if (attempt < RestartAttempts)
                    continue;
                if (child.Name == CoordinatorName) // the run goes on without a Lighthouse
                    _broken.TrySetResult(failure);
                return;
            }
        }
    }

    /// <summary>The Lighthouse for a Coordinator and the other way round, while it lives; else all nodes.</summary>
    private IEnumerable<string> SeedsFor(ChildProcess died)
    {
        lock (_children)
        {
            var living = _children.Where(child => child.Ready.IsCompletedSuccessfully && !child.Ended.IsCompleted).ToLookup(IsNode);
            var seeds = living[false].Where(child => child.Name != died.Name).ToArray() is [_, ..] other ? other : [.. living[true]];
            return [.. seeds.Select((seed, index) => string.Create(CultureInfo.InvariantCulture, $"--Cluster:SeedNodes:{index}={seed.Ready.Result.Akka}"))];
        }
    }

    /// <summary>Test hosts are on a bridge of this machine's own: no key is needed there.</summary>
    private IEnumerable<string> HostArguments(string name) => _settings.Hosts is null ? [] : TestHosts.AddressOf(HostOf(name)) is var address
        ? [$"--Cluster:PublicHostName={address}", $"--Cluster:BindHostName={address}", $"--Http:Host={address}", "--Http:AllowAnonymous=true"] : [];

    /// <summary>A run goes on while one of its nodes lives, and needs no Lighthouse once all have met.</summary>
    private bool IsDoneWithout(ChildProcess child)
    {
        lock (_children)
        {
            return child.Ready.IsCompletedSuccessfully
                && ((child.Name == LighthouseName && RestartsLeft <= 0)
                    || (IsNode(child) && (_settings.StaysWithoutNodes || _children.Any(other => IsNode(other) && !other.Ended.IsCompleted))));
        }
    }

    private static bool IsNode(ChildProcess child) => child.Name.StartsWith(NodePrefix, StringComparison.Ordinal);

    private static string NodeName(int number) => string.Create(CultureInfo.InvariantCulture, $"{NodePrefix}{number}");

    private string[] CoordinatorArguments() =>
        [.. _seed, string.Create(CultureInfo.InvariantCulture, $"--Pbm:Port={_settings.CoordinatorPbmPort}"), .. RunsArguments];

    private string[] RunsArguments => _settings.RunsFolder is { } runs ? [$"--Runs:Folder={runs}"] : [];

    /// <summary>In the order of starting: the Lighthouse, the Coordinator, nodes.</summary>
    private void WriteEntries()
    {
        lock (_entries)
        {
            var ordered = _entries.OrderBy(entry => entry.Name == CoordinatorName ? 1 : entry.Name == LighthouseName ? 0 : 2)
                .ThenBy(entry => entry.Name!.Length).ThenBy(entry => entry.Name, StringComparer.Ordinal).ToArray();
            AtomicFile.Write(Path.Combine(_folder, EntriesFile), JsonSerializer.Serialize(ordered, ApiJson.Options));
        }
    }

    private string[] NodeArguments(string name) =>
    [
        .. _seed, $"--Node:Name={name}", $"--Node:Devices={string.Join(',', _wanted.Devices)}", $"--Node:Overlap={_wanted.Overlap}", $"--Node:Wire={_wanted.Wire}",
        string.Create(CultureInfo.InvariantCulture, $"--Node:Threads={_wanted.Threads}"),
    ];

    private int? PidOf(string name) => Living(child => child.Name == name) is [.., var last] ? last.Pid : null;

    private (string Name, int Pid)[] Living(Func<ChildProcess, bool> which)
    {
        lock (_children)
            return [.. _children.Where(child => which(child) && child.Ready.IsCompletedSuccessfully && !child.Ended.IsCompleted).Select(child => (child.Name, child.Pid))];
    }

    private async Task<FailedException> DeathAsync(ChildProcess child)
    {
        var code = await child.Ended;
        return new FailedException(
        [
            $"{child.Name} (process {child.Pid}) ended unexpectedly with exit code {code}{Signal(code)}. Log: {LogOf(child.Name)}. Its last lines:",
            .. child.LastLines.Select(line => $"    {line}"),
        ]);
    }

    // .NET reports a death by signal as 128 + its number, as shells do.
    private static string Signal(int code) => code switch
    {
        137 => " (killed; by hand, or for want of memory)",
        139 => " (segmentation fault)",
        134 => " (aborted)",
        _ => "",
    };

    private string LogOf(string name) => Path.Combine(_folder, "logs", $"{name}.log");
}
