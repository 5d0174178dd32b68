using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Ganymede.Collectives;

/// <summary>One process's end of the data plane: a listener, the groups it is a party of and the files it serves.</summary>
public sealed class DataPlane : IAsyncDisposable
{
    private readonly object _gate = new();
    private readonly Dictionary<(string Run, long View), Group> _groups = [];
    private readonly Dictionary<string, long> _newestView = [];
    private readonly Listener _listener;
    private bool _disposed;

    private DataPlane(DataPlaneOptions options)
    {
        Options = options;
        Files = new FileShelf();
        _listener = new Listener(this);
    }

    /// <summary>The port it listens on.</summary>
    public int Port => _listener.Port;

    public string Name => Options.Name;

    internal DataPlaneOptions Options { get; }

    internal FileShelf Files { get; }

    internal Farewells Farewells { get; } = new();

    /// <summary>Opens the listener.</summary>
    /// <exception cref="ArgumentException">Options that cannot be; names all of them.</exception>
    /// <exception cref="IOException">The port cannot be had; names it.</exception>
    public static DataPlane Listen(DataPlaneOptions options)
    {
        options.Validate();
        return new DataPlane(options);
    }

    /// <summary>Becomes a party of a view. Connections are opened in the background; an older view of the same run is over from here on: its
    /// group is aborted, and whoever still connects for it is turned away.</summary>
    /// <param name="run">Run id, 1..128 bytes of UTF-8.</param>
    /// <param name="view">View number, above every view of this run joined before.</param>
    /// <param name="parties">The same list in the same order at all parties.</param>
    /// <param name="self">Which of them this process is.</param>
    /// <param name="shards">V, a power of two; each has exactly one owner.</param>
    /// <param name="phaseDeadline">Longest silence of a party within an all-reduce, its computing included; null for <see cref="DataPlaneOptions.PhaseDeadline"/>.</param>
    /// <param name="maxStall">Deadline of a dial to a party; null for <see cref="DataPlaneOptions.MaxStall"/>.</param>
    /// <exception cref="ArgumentException">Says what is wrong.</exception>
    public Group Join(
        string run, long view, IReadOnlyList<PartyAddress> parties, int self, int shards, TimeSpan? phaseDeadline = null, TimeSpan? maxStall = null)
    {
        RequireName(run, nameof(run));
        if (self < 0 || self >= parties.Count)
        {
            throw new ArgumentOutOfRangeException(nameof(self), self, $"not one of {parties.Count} parties");
        }

        foreach (var party in parties)
        {
            RequireName(party.Name, nameof(parties));
            if (parties.Count(other => other.Name == party.Name) > 1)
            {
                throw new ArgumentException($"two parties are named '{party.Name}'", nameof(parties));
            }
        }

        ShardAssignment.RequirePartition(shards, parties.Select(party => party.Shards));
        var group = new Group(this, run, view, parties, self, shards, phaseDeadline ?? Options.PhaseDeadline) { MaxStall = maxStall ?? Options.MaxStall };
        Group[] older;
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (_newestView.TryGetValue(run, out var newest) && newest >= view)
            {
                throw new ArgumentException($"view {view} of run '{run}' is not newer than view {newest}, which was joined before", nameof(view));
            }

            older = [.. _groups.Values.Where(other => other.Run == run)];
            _newestView[run] = view;
            _groups[(run, view)] = group;
            Monitor.PulseAll(_gate);
        }

        foreach (var other in older)
        {
            other.Abort($"view {view} has begun");
        }

        group.Connect();
        return group;
    }

    /// <summary>Offers a file under a key to <see cref="FetchAsync(string, int, string, string, IProgress{long}?, CancellationToken)"/>. It must not change while offered.</summary>
    /// <param name="key">1..128 of a-z, 0-9 and '-'.</param>
    /// <param name="path">The file.</param>
    public void Serve(string key, string path)
    {
        FileShelf.RequireKey(key);
        if (!File.Exists(path))
        {
            throw new FileNotFoundException($"cannot serve '{path}': there is no such file", path);
        }

        Files.Put(key, Path.GetFullPath(path));
    }

    /// <summary>Offers memory under a key to <see cref="Fetch"/>. Who changes it while offered, hands out nonsense.</summary>
    public void Serve(string key, ReadOnlyMemory<byte> content)
    {
        FileShelf.RequireKey(key);
        Files.Put(key, content);
    }

    /// <summary>Offers it no longer; who is being served gets the rest.</summary>
    public void Unserve(string key) => Files.Remove(key);

    /// <summary>Fetches the content whose SHA-256 is the key; at most <see cref="DataPlaneOptions.MaxFileBytes"/>.</summary>
    /// <inheritdoc cref="FetchAsync(string, int, string, string, string, long, IProgress{long}?, CancellationToken)"/>
    public Task FetchAsync(
        string host, int port, string key, string destinationPath, IProgress<long>? progress = null, CancellationToken cancel = default) =>
        FetchAsync(host, port, key, destinationPath, key, Options.MaxFileBytes, progress, cancel);

    /// <summary>Fetches a served file into a temporary file beside the destination, verifies its hash and only then renames it.</summary>
    /// <param name="host">The serving data plane.</param>
    /// <param name="port">Its port.</param>
    /// <param name="key">The key it is served under.</param>
    /// <param name="destinationPath">File to write; an existing one is replaced.</param>
    /// <param name="sha256">What the content must hash to, 64 hexadecimal digits.</param>
    /// <param name="maximumBytes">A longer file is refused before a byte of it is read.</param>
    /// <param name="progress">Told of the bytes that have come.</param>
    /// <param name="cancel">Ends it at once; no file is left.</param>
    /// <exception cref="FetchException">Names host, port, key and cause; no file is left.</exception>
    public Task FetchAsync(
        string host, int port, string key, string destinationPath, string sha256, long maximumBytes, IProgress<long>? progress = null,
        CancellationToken cancel = default)
    {
        FileShelf.RequireKey(key);
        if (sha256.Length != 64 || !sha256.All(char.IsAsciiHexDigit))
        {
            throw new ArgumentException($"'{sha256}' is not a SHA-256 of 64 hexadecimal digits", nameof(sha256));
        }

        ArgumentOutOfRangeException.ThrowIfNegative(maximumBytes);
        var fetch = new FileFetch(host, port, key, maximumBytes, Options.MaxStall, progress);
        return Task.Factory.StartNew(
            () => fetch.Run(destinationPath, sha256, cancel), cancel, TaskCreationOptions.LongRunning | TaskCreationOptions.DenyChildAttach, TaskScheduler.Default);
    }

    /// <summary>Fetches what is served under a key into memory; blocks. Frames are checked on their way, the content as a whole is not.</summary>
    /// <param name="host">The serving data plane.</param>
    /// <param name="port">Its port.</param>
    /// <param name="key">The key it is served under.</param>
    /// <param name="maximumBytes">More is refused before a byte of it is read.</param>
    /// <param name="cancel">Ends it at once.</param>
    /// <exception cref="FetchException">Names host, port, key and cause.</exception>
    public byte[] Fetch(string host, int port, string key, int maximumBytes, CancellationToken cancel = default)
    {
        FileShelf.RequireKey(key);
        return new FileFetch(host, port, key, maximumBytes, Options.MaxStall, progress: null).Run(cancel);
    }

    /// <summary>Closes the listener and all groups.</summary>
    public async ValueTask DisposeAsync()
    {
        Group[] groups;
        lock (_gate)
        {
            if (_disposed)
            {
                return;
            }

            _disposed = true;
            groups = [.. _groups.Values];
            Monitor.PulseAll(_gate);
        }

        await Task.Run(() =>
        {
            _listener.Dispose();
            foreach (var group in groups)
            {
                group.Dispose();
            }

            Farewells.Dispose();
        }).ConfigureAwait(false);
    }

    internal void Log(string line) => Options.Log?.Invoke($"{Name}: {line}");

    internal void Forget(Group group)
    {
        lock (_gate)
        {
            _groups.Remove((group.Run, group.View));
        }
    }

    /// <summary>The group a connection is for. A peer may be faster than the word of its view is here: it waits for that.</summary>
    /// <exception cref="LinkException">The view is over, or was not joined within the deadline.</exception>
    internal Group AwaitGroup(Hello hello)
    {
        var start = Environment.TickCount64;
        lock (_gate)
        {
            while (true)
            {
                if (_groups.TryGetValue((hello.Run, hello.View), out var group))
                {
                    return group;
                }

                if (_newestView.TryGetValue(hello.Run, out var newest) && newest >= hello.View)
                {
                    throw new LinkException($"is of view {hello.View} of run '{hello.Run}', which is over: view {newest} has begun here");
                }

                // Who trains another run is unlikely to join this one soon.
                var patience = _groups.Count > 0 && _groups.Keys.All(key => key.Run != hello.Run) && Options.MaxStall < Options.JoinDeadline
                    ? Options.MaxStall : Options.JoinDeadline;
                var left = (int)patience.TotalMilliseconds - (int)(Environment.TickCount64 - start);
                if (left <= 0 || _disposed)
                {
                    throw new LinkException($"is of run '{hello.Run}', view {hello.View}, which was not joined here within {patience.TotalSeconds:0.###} s");
                }

                Monitor.Wait(_gate, left);
            }
        }
    }

    private static void RequireName(string name, string parameter)
    {
        if (Encoding.UTF8.GetByteCount(name) is < 1 or > Handshake.NameLimitBytes || name.Any(char.IsControl))
        {
            throw new ArgumentException($"'{name}' is not a name of 1..{Handshake.NameLimitBytes} bytes", parameter);
        }
    }
}
