using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Ganymede.Cli;

/// <summary>
/// Hosts on this machine: network namespaces on a bridge of their own, with addresses 10.77.0.10, 10.77.0.11, …, between which links can be cut.
/// Nothing of the machine's own network is touched. They need root and Linux's <c>ip</c> and <c>iptables</c>, and go with this object.
/// </summary>
internal sealed class TestHosts : IDisposable
{
    private const int NetworkNamespace = 0x40000000, ReadOnly = 0x80000;
    private const int Most = 200;

    private readonly Lock _lock = new();
    private readonly string _prefix = string.Create(CultureInfo.InvariantCulture, $"gm{Environment.ProcessId}h");
    private readonly HashSet<int> _hosts = [];
    private readonly HashSet<(int, int)> _cuts = [];

    /// <exception cref="FailedException">A command did not do it; says which and why.</exception>
    public TestHosts()
    {
        Ip("netns", "add", Switch);
        try
        {
            Ip("-n", Switch, "link", "add", "bridge", "type", "bridge");
            Ip("-n", Switch, "link", "set", "bridge", "up");
        }
        catch (FailedException)
        {
            Dispose();
            throw;
        }
    }

    private string Switch => _prefix + "s";

    /// <summary>Why this machine cannot have such hosts; null if it can.</summary>
    public static string? WhatIsMissing()
    {
        if (!OperatingSystem.IsLinux() || !Environment.IsPrivilegedProcess)
            return "it has to run as root on Linux";
        if (Find("ip") is null || Find("iptables") is null)
            return "the programs ip and iptables have to be there (Debian: apt-get install iproute2 iptables)";
        return Run("ip", ["netns", "list"]) is { } error ? $"'ip netns list' says: {error}" : null;
    }

    public static string AddressOf(int host) => string.Create(CultureInfo.InvariantCulture, $"10.77.0.{10 + host}");

    /// <summary>What to put before a command line to have it run on that host, which is made if it is not there.</summary>
    public IReadOnlyList<string> Launcher(int host)
    {
        lock (_lock)
        {
            if (_hosts.Add(host))
                Add(host);
            return [Find("ip")!, "netns", "exec", Name(host)];
        }
    }

    /// <summary>Nothing gets from one to the other any more, in both directions. Packets vanish; nobody is told.</summary>
    public void Cut(int one, int other)
    {
        lock (_lock)
        {
            if (_cuts.Add(Pair(one, other)))
                Filter("-A", one, other);
        }
    }

    public void Heal(int one, int other)
    {
        lock (_lock)
        {
            if (_cuts.Remove(Pair(one, other)))
                Filter("-D", one, other);
        }
    }

    /// <summary>A connection made on a host: a socket stays in the network in which it was made.</summary>
    public async ValueTask<Stream> ConnectAsync(int host, string address, int port, CancellationToken cancel)
    {
        var socket = await Task.Factory.StartNew(() => SocketOn(host), cancel, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        try
        {
            await socket.ConnectAsync(address, port, cancel);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        foreach (var host in _hosts)
            Run("ip", ["netns", "del", Name(host)]);
        Run("ip", ["netns", "del", Switch]);
    }

    /// <summary>On a thread of its own, which ends: it is in that network for the rest of its life.</summary>
    private Socket SocketOn(int host)
    {
        Socket? socket = null;
        var thread = new Thread(() =>
        {
            var handle = Open($"/run/netns/{Name(host)}", ReadOnly);
            if (handle >= 0 && SetNamespace(handle, NetworkNamespace) == 0)
                socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            _ = Close(handle);
        });
        thread.Start();
        thread.Join();
        return socket ?? throw new IOException($"the network of host {Name(host)} cannot be entered");
    }

    private void Add(int host)
    {
        if (host >= Most)
            throw new FailedException($"More than {Most} test hosts are not to be had.");
        var (name, port) = (Name(host), string.Create(CultureInfo.InvariantCulture, $"port{host}"));
        Ip("netns", "add", name);
        Ip("link", "add", "e0", "netns", name, "type", "veth", "peer", "name", port, "netns", Switch);
        Ip("-n", Switch, "link", "set", port, "master", "bridge", "up");
        Ip("-n", name, "link", "set", "lo", "up");
        Ip("-n", name, "addr", "add", AddressOf(host) + "/24", "dev", "e0");
        Ip("-n", name, "link", "set", "e0", "up");
    }

    private void Filter(string action, int one, int other)
    {
        foreach (var (here, there) in new[] { (one, other), (other, one) })
            Ip("netns", "exec", Name(here), "iptables", "-w", action, "INPUT", "-s", AddressOf(there), "-j", "DROP");
    }

    private string Name(int host) => string.Create(CultureInfo.InvariantCulture, $"{_prefix}{host}");

    private static (int, int) Pair(int one, int other) => (Math.Min(one, other), Math.Max(one, other));

    private static void Ip(params string[] arguments)
    {
        if (Run("ip", arguments) is { } error)
            throw new FailedException($"'ip {string.Join(' ', arguments)}' failed: {error}");
    }

    /// <summary>Null if it went well, else what it said.</summary>
    private static string? Run(string program, IEnumerable<string> arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(Find(program) ?? program, arguments) { RedirectStandardError = true, RedirectStandardOutput = true })!;
        var error = process.StandardError.ReadToEnd().Trim();
        process.WaitForExit();
        return process.ExitCode == 0 ? null : error.Length > 0 ? error : $"exit code {process.ExitCode}";
    }

    /// <summary>Programs of administrators are not on every user's path.</summary>
    private static string? Find(string program) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Concat(["/usr/sbin", "/sbin", "/usr/bin", "/bin"])
            .Where(folder => folder.Length > 0).Select(folder => Path.Combine(folder, program)).FirstOrDefault(File.Exists);

    [DllImport("libc", EntryPoint = "open")]
    private static extern int Open([MarshalAs(UnmanagedType.LPUTF8Str)] string path, int flags);

    [DllImport("libc", EntryPoint = "close")]
    private static extern int Close(int handle);

    [DllImport("libc", EntryPoint = "setns")]
    private static extern int SetNamespace(int handle, int kind);
}
