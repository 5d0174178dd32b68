using System.Diagnostics;
using System.Text.Json;

namespace Ganymede.Tests;

/// <summary><c>ganymede train</c> on three nodes, for as long as a test looks at it.</summary>
internal sealed class MonitoredRun : IAsyncDisposable
{
    private readonly Process _command;
    private readonly Task<string> _output, _error;

    /// <param name="environment">Of the command and all that it starts.</param>
    public MonitoredRun(TemporaryFolder folder, params (string Name, string Value)[] environment)
    {
        Folder = folder["run"];
        var start = Command.StartInfo(folder.Path, "train", "--preset", "cgan-32", "--steps", "1000000", "--shards", "4", "--batch", "16", "--seed", "7",
            "--nodes", "3", "--checkpoint-every", "10", "--sample-every", "20", "--out", Folder);
        start.RedirectStandardError = start.RedirectStandardOutput = true;
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        _command = Process.Start(start)!;
        (_output, _error) = (_command.StandardOutput.ReadToEndAsync(), _command.StandardError.ReadToEndAsync());
    }

    public string Folder { get; }

    public string ClusterFile => Path.Combine(Folder, "cluster.json");

    public Program[] Programs { get; private set; } = [];

    public Program Coordinator => Programs.Single(program => program.Role == "coordinator");

    public Program[] Nodes => [.. Programs.Where(program => program.Role == "gpu-node")];

    /// <summary>Until so many steps are committed.</summary>
    public async Task Trained(int steps)
    {
        var ledger = Path.Combine(Folder, "ledger.jsonl");
        await Command.Until(() => (File.Exists(ledger) && File.ReadLines(ledger).Count() >= steps) || _command.HasExited, TimeSpan.FromSeconds(150), $"step {steps}");
        Assert.False(_command.HasExited, _command.HasExited ? await _error : "");
        Programs = JsonSerializer.Deserialize<Program[]>(await File.ReadAllTextAsync(ClusterFile), JsonSerializerOptions.Web)!;
    }

    /// <summary>Ctrl-C, and the end of all its processes.</summary>
    public async Task Stop()
    {
        Command.Signal(_command.Id, 2);
        await _command.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(90));
        Assert.True(_command.ExitCode == 130, await _error);
    }

    public async ValueTask DisposeAsync()
    {
        if (!_command.HasExited)
        {
            _command.Kill();
            await _command.WaitForExitAsync();
        }

        await Task.WhenAll(_output, _error);
        _command.Dispose();
    }

    internal sealed record Program(string Role, int Pid, string Http);
}
