using Ganymede.Messages;
using Ganymede.Messages.Api;

namespace Ganymede.Cli;

/// <summary>A cluster to work on, local or another one, for one command: submits jobs, shows their progress, brings their results.</summary>
internal sealed class Session : IAsyncDisposable
{
    /// <summary>After Ctrl-C: longest wait for the step in hand and its checkpoint.</summary>
    private static readonly TimeSpan StopDeadline = TimeSpan.FromSeconds(30);

    private readonly LocalCluster? _cluster;
    private readonly CoordinatorClient _client;
    private readonly Terminal _terminal;
    private readonly Interruption _interruption;

    private Session(LocalCluster? cluster, CoordinatorClient client, Terminal terminal, Interruption interruption) =>
        (_cluster, _client, _terminal, _interruption) = (cluster, client, terminal, interruption);

    /// <param name="folder">The run's folder, for a local cluster's logs.</param>
    public static async Task<Session> OpenAsync(ClusterFlags.Values flags, string folder, Terminal terminal, Interruption interruption)
    {
        try
        {
            if (flags.Coordinator is { } address)
            {
                var remote = new CoordinatorClient(address, key: flags.Key);
                var nodes = await remote.NodesAsync(interruption.Stop);
                terminal.Line($"Coordinator at {address} with {nodes.Count} {(nodes.Count == 1 ? "node" : "nodes")}");
                return new Session(null, remote, terminal, interruption);
            }

            terminal.Line($"Starting a local cluster: Lighthouse, Coordinator, {flags.Nodes} GPU {(flags.Nodes == 1 ? "node" : "nodes")} ({string.Join(',', flags.Devices)})");
            var cluster = await LocalCluster.StartAsync(flags, folder, interruption.Stop);
            terminal.Line($"Live page: {cluster.Coordinator}");
            return new Session(cluster, new CoordinatorClient(cluster.Coordinator, key: flags.Key), terminal, interruption);
        }
        catch (OperationCanceledException) when (interruption.Stop.IsCancellationRequested)
        {
            throw new InterruptedException("Interrupted before any work began.");
        }
    }

    /// <summary>Trains to the end, or to the checkpoint that an interruption leaves.</summary>
    public async Task<RunResult> TrainAsync(RunRequest request)
    {
        var before = RunFolder.ReadRequest(request.Folder);
        try
        {
            RunFolder.WriteRequest(request);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new FailedException($"{request.Folder}: cannot be written to: {error.Message}");
        }

        RunEvent end;
        try
        {
            end = await DoAsync(JobKind.Runs, request);
        }
        catch (BadInputException)
        {
            // It was refused: the same command is to be possible once its cause is mended.
            RunFolder.TakeBackRequest(request.Folder, before);
            throw;
        }

        return end.Result ?? throw new FailedException($"{_client.Address}: the run ended without a result.");
    }

    public async Task<GenerationResult> GenerateAsync(GenerationRequest request)
    {
        var end = await DoAsync(JobKind.Generations, request);
        return end.GenerationResult ?? throw new FailedException($"{_client.Address}: the job ended without a result.");
    }

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        if (_cluster is null)
            return;
        if (_interruption.Now.IsCancellationRequested)
            await _cluster.KillAsync();
        await _cluster.DisposeAsync();
    }

    private async Task<RunEvent> DoAsync<T>(string kind, T request)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(_interruption.Now);
        try
        {
            var id = await _client.SubmitAsync(kind, request, _interruption.Stop);
            var following = JobView.For(_terminal).RunAsync(show => FollowAsync(kind, id, show, over.Token));
            var first = await Task.WhenAny(following, StoppedAsync(kind, id, over.Token), Broken);
            if (first == Broken || !following.IsCompleted)
                await over.CancelAsync();
            if (first == Broken)
            {
                await Quietly(following);
                throw await Broken;
            }

            return Judge(first == following ? await following : await LateAsync(following));
        }
        catch (OperationCanceledException) when (_interruption.Stop.IsCancellationRequested)
        {
            throw new InterruptedException("Interrupted.");
        }
    }

    private Task<FailedException> Broken => _cluster?.Broken ?? new TaskCompletionSource<FailedException>().Task;

    private async Task<RunEvent> FollowAsync(string kind, string id, Action<RunEvent> show, CancellationToken cancel)
    {
        await foreach (var happened in _client.FollowAsync(kind, id, cancel))
        {
            show(happened);
            if (happened.Kind is RunEventKind.Finished or RunEventKind.Failed)
                return happened;
        }

        throw new FailedException($"{_client.Address}: the events of {id} ended without a result.");
    }

    /// <summary>Completes when a stop was asked for and has not come about in time.</summary>
    private async Task StoppedAsync(string kind, string id, CancellationToken over)
    {
        await _interruption.StopAsked.WaitAsync(over);
        await _client.StopAsync(kind, id, over);
        await Task.Delay(StopDeadline, over);
    }

    private async Task<RunEvent> LateAsync(Task following)
    {
        await Quietly(following);
        _interruption.Now.ThrowIfCancellationRequested();
        throw new InterruptedException($"Interrupted; the job had not stopped {StopDeadline.TotalSeconds:0} s after it was asked to.");
    }

    /// <summary>Waits for a task whose own end is of no interest, because something else went wrong first.</summary>
    private static async Task Quietly(Task task) => await task.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

    private RunEvent Judge(RunEvent end) => end switch
    {
        { Kind: RunEventKind.Finished } => end,
        _ when _interruption.Stop.IsCancellationRequested => throw new InterruptedException(end.Text),
        { BadInput: true } => throw new BadInputException(end.Text),
        _ => throw new FailedException(end.Text),
    };
}
