using System.Globalization;
using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Ganymede.Messages.Api;

namespace Ganymede.Coordinator.Api;

/// <summary>Server-sent events.</summary>
public static class EventStreams
{
    public static IResult Send(IAsyncEnumerable<SseItem<string>> events) => Results.ServerSentEvents(events);

    /// <summary>A job's events, those before as well, up to the one that ends it; a reader that was cut off gets what it has missed.</summary>
    public static IResult OfJob(
        string id, HttpRequest request, JobEvents jobs, StreamPlaces places, IHostApplicationLifetime lifetime, CancellationToken cancel)
    {
        if (jobs.Find(id) is not { } log)
            return Problems.NotFound($"No job is called '{id}'.");
        return places.TryEnter() is { } place
            ? Send(Read(log, place, LastSeen(request), lifetime.ApplicationStopping, cancel))
            : StreamPlaces.Full();
    }

    /// <summary>What a reader that was cut off has already; browsers and our client send it on reconnecting.</summary>
    private static long LastSeen(HttpRequest request) =>
        long.TryParse(request.Headers["Last-Event-ID"], NumberStyles.None, CultureInfo.InvariantCulture, out var last) ? last : 0;

    /// <param name="stopping">The program is to end: a stream must not hold that up.</param>
    private static async IAsyncEnumerable<SseItem<string>> Read(
        EventLog log, IDisposable place, long after, CancellationToken stopping, [EnumeratorCancellation] CancellationToken cancel)
    {
        using var taken = place;
        using var either = CancellationTokenSource.CreateLinkedTokenSource(stopping, cancel);
        await foreach (var happened in log.ReadAsync(after, either.Token))
        {
            yield return new SseItem<string>(JsonSerializer.Serialize(happened, ApiJson.Options))
            {
                EventId = happened.Sequence.ToString(CultureInfo.InvariantCulture),
            };
        }
    }
}
