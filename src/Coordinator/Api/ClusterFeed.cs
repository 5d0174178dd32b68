using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Akka.Actor;
using Akka.Hosting;
using Ganymede.Messages;
using Ganymede.Messages.Api;
using Microsoft.Extensions.Options;

namespace Ganymede.Coordinator.Api;

/// <summary>
/// The cluster's state for those who watch it. However many do, the actor is asked once in a period, and not at all while nobody looks;
/// each watcher gets the newest state rather than a queue of old ones, so a slow one costs no memory.
/// </summary>
public sealed class ClusterFeed(
    IRequiredActor<CoordinatorActor> coordinator, JobEvents jobs, IOptions<ApiOptions> options, TimeProvider time) : IDisposable
{
    /// <summary>A change is seen after this at the latest.</summary>
    private static readonly TimeSpan _period = TimeSpan.FromMilliseconds(500);

    /// <summary>A reader that hears nothing for longer takes the connection for dead.</summary>
    private static readonly TimeSpan _heartbeat = TimeSpan.FromSeconds(15);

    private static readonly TimeSpan _reconnectAfter = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan _answerDeadline = TimeSpan.FromSeconds(5);

    /// <summary>The same when the program ends, which is not to wait for it.</summary>
    private static readonly TimeSpan _lastAnswerDeadline = TimeSpan.FromSeconds(1);

    private const int MostJobs = 50;

    private static readonly string _version = typeof(ClusterFeed).Assembly.GetName().Version!.ToString(3);

    private readonly bool _keyRequired = ApiKey.Load(options.Value, out _) is not null;
    private readonly SemaphoreSlim _asking = new(1);
    private (ClusterStatus Status, string Json, long At)? _newest;

    public void Dispose() => _asking.Dispose();

    /// <exception cref="AskTimeoutException">There is no actor that decides just now.</exception>
    public async Task<ClusterStatus> NowAsync(CancellationToken cancel) => (await NewestAsync(isLast: false, cancel)).Status;

    /// <summary>
    /// The state now and whenever it has changed, until the reader is gone. When the program is to end it is sent once more: a local
    /// cluster ends with its run, and how that ended is what a reader wants to know.
    /// </summary>
    public async IAsyncEnumerable<SseItem<string>> FollowAsync(IDisposable place, CancellationToken stopping, [EnumeratorCancellation] CancellationToken cancel)
    {
        using (place)
        {
            using var either = CancellationTokenSource.CreateLinkedTokenSource(stopping, cancel);
            using var timer = new PeriodicTimer(_period, time);
            string? sent = null;
            var sentAt = time.GetTimestamp();
            bool isLast;
            do
            {
                isLast = stopping.IsCancellationRequested;
                string json;
                try
                {
                    json = (await NewestAsync(isLast, cancel)).Json;
                }
                catch (AskTimeoutException)
                {
                    continue; // handing over, or about to end: the reader sees that it is silent
                }

                if (json == sent && time.GetElapsedTime(sentAt) < _heartbeat)
                    continue;
                (sent, sentAt) = (json, time.GetTimestamp());
                yield return new SseItem<string>(json, "cluster") { ReconnectionInterval = _reconnectAfter };
            }
            while (!isLast && await TickAsync(timer, either.Token, cancel));
        }
    }

    /// <summary>Waits for the next tick, or the program's end.</summary>
    private static async Task<bool> TickAsync(PeriodicTimer timer, CancellationToken either, CancellationToken cancel)
    {
        try
        {
            return await timer.WaitForNextTickAsync(either);
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            return true;
        }
    }

    private async Task<(ClusterStatus Status, string Json)> NewestAsync(bool isLast, CancellationToken cancel)
    {
        var deadline = isLast ? _lastAnswerDeadline : _answerDeadline;
        await _asking.WaitAsync(cancel);
        try
        {
            if (!isLast && _newest is { } known && time.GetElapsedTime(known.At) < _period / 2)
                return (known.Status, known.Json);
            var actor = coordinator.ActorRef;
            var runs = (await actor.Ask<RunList>(new ListRuns(), deadline, cancel)).Runs;
            var nodes = (await actor.Ask<NodeList>(new ListNodes(), deadline, cancel)).Nodes;
            var generations = (await actor.Ask<GenerationList>(new ListGenerations(), deadline, cancel)).Jobs;
            var status = new ClusterStatus(
                _version, _keyRequired, [.. nodes.Select(NodeRoutes.Status)], [.. runs.Take(MostJobs)], [.. generations.Take(MostJobs)],
                runs.Take(MostJobs).Select(run => run.Run).Concat(generations.Take(MostJobs).Select(job => job.Job))
                    .ToDictionary(id => id, id => jobs.Find(id)?.LastWords ?? 0));
            var json = JsonSerializer.Serialize(status, ApiJson.Options);
            _newest = (status, json, time.GetTimestamp());
            return (status, json);
        }
        finally
        {
            _asking.Release();
        }
    }
}
