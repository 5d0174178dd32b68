using System.Diagnostics;
using System.Runtime.InteropServices;
using Ganymede.Messages;

namespace Ganymede.Cli;

/// <summary>
/// One program of a local cluster. Its standard input is a pipe that only this process holds, so it ends with it, however that
/// ends; what it prints goes to a log file.
/// </summary>
internal sealed class ChildProcess : IAsyncDisposable
{
    private const int Sigterm = 15;
    private const int LinesKept = 8;

    private readonly Process _process;
    private readonly Lock _lock = new();
    private readonly StreamWriter _log;
    private readonly Queue<string> _lastLines = new();
    private readonly TaskCompletionSource<Announcement> _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Task _copying;

    private ChildProcess(string name, Process process, StreamWriter log)
    {
        Name = name;
        _process = process;
        _log = log;
        _copying = Task.WhenAll(CopyAsync(process.StandardOutput), CopyAsync(process.StandardError));
        Ended = WaitAsync();
    }

    /// <summary>Role, with a number where there are several.</summary>
    public string Name { get; }

    public int Pid => _process.Id;

    /// <summary>Its ports, once they are open. Fails if it ends before.</summary>
    public Task<Announcement> Ready => _ready.Task;

    /// <summary>Its exit code, once it has ended and all it printed is in the log.</summary>
    public Task<int> Ended { get; }

    /// <param name="program">Lighthouse, Coordinator or GpuNode.</param>
    /// <param name="logFile">Appended to.</param>
    /// <param name="launcher">A program that becomes the one it is told to run, and its arguments; null for none.</param>
    /// <param name="environment">Variables on top of this process's own.</param>
    public static ChildProcess Start(
        string name, string program, IEnumerable<string> arguments, string logFile, IReadOnlyList<string>? launcher = null, IReadOnlyDictionary<string, string>? environment = null)
    {
        var path = Programs.PathOf(program);
        string[] words = [.. launcher ?? [], Programs.DotNet, path, .. arguments, "--Parent:WatchStdin=true"];
        var start = new ProcessStartInfo(words[0], words.Skip(1))
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
            WorkingDirectory = Path.GetDirectoryName(path), // its appsettings.json, not the user's
        };
        foreach (var (variable, value) in environment ?? new Dictionary<string, string>())
            start.Environment[variable] = value;
        // Server garbage collection reserves memory by the core; here several processes share the cores of one machine.
        start.Environment.TryAdd("DOTNET_gcServer", "0");
        // glibc gives each thread a heap of its own, and libtorch's tensors wander between them: a node grew by 5 % in 700 steps, with one heap by none.
        start.Environment.TryAdd("MALLOC_ARENA_MAX", "1");
        var log = new StreamWriter(new FileStream(logFile, FileMode.Append, FileAccess.Write, FileShare.ReadWrite)) { AutoFlush = true };
        var process = Process.Start(start) ?? throw new FailedException($"{name}: {Programs.DotNet} could not be started.");
        return new ChildProcess(name, process, log);
    }

    /// <summary>The last lines it printed, for a message about its death.</summary>
    public IReadOnlyList<string> LastLines
    {
        get
        {
            lock (_lock)
                return [.. _lastLines];
        }
    }

    /// <summary>Asks it to end (SIGTERM), waits, and ends it after <paramref name="patience"/>.</summary>
    public async Task StopAsync(TimeSpan patience)
    {
        if (_process.HasExited)
            return;
        if (patience > TimeSpan.Zero)
            Signal(_process.Id, Sigterm);
        using var deadline = new CancellationTokenSource(patience);
        try
        {
            await _process.WaitForExitAsync(deadline.Token);
        }
        catch (OperationCanceledException)
        {
            _process.Kill();
            await _process.WaitForExitAsync(CancellationToken.None);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync(TimeSpan.Zero);
        await Ended;
        _process.Dispose();
        try
        {
            await _log.DisposeAsync();
        }
        catch (IOException)
        {
            // What a full disk did not take stays in its buffer; see Log.
        }
    }

    /// <summary>Sends a signal by its number; false if there is no such process any more.</summary>
    public static bool Signal(int pid, int signal) => SendSignal(pid, signal) == 0;

    private async Task<int> WaitAsync()
    {
        await _process.WaitForExitAsync();
        await _copying;
        _ready.TrySetException(new FailedException($"{Name} ended with exit code {_process.ExitCode} before it was ready."));
        _ = _ready.Task.Exception; // seen: whoever waited has been told, and nobody may have waited
        return _process.ExitCode;
    }

    private async Task CopyAsync(StreamReader output)
    {
        while (await output.ReadLineAsync() is { } line)
        {
            lock (_lock)
            {
                Log(line);
                _lastLines.Enqueue(line);
                if (_lastLines.Count > LinesKept)
                    _lastLines.Dequeue();
            }

            if (Announcement.Parse(line) is { } announcement)
                _ready.TrySetResult(announcement);
        }
    }

    /// <summary>A full disk must not stop the reading: the child would wait for ever on its full pipe.</summary>
    private void Log(string line)
    {
        try
        {
            _log.WriteLine(line);
        }
        catch (IOException)
        {
            // The lines kept in memory still tell the end of it.
        }
    }

    [DllImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static extern int SendSignal(int pid, int signal);
}
