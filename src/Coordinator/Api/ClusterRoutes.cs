using Ganymede.Messages.Api;

namespace Ganymede.Coordinator.Api;

/// <summary>The cluster as a whole: what the live page shows.</summary>
public static class ClusterRoutes
{
    public static void Map(IEndpointRouteBuilder api)
    {
        var group = api.MapGroup("/cluster").WithTags("cluster");
        group.MapGet("", (ClusterFeed feed, CancellationToken cancel) => feed.NowAsync(cancel))
            .Describe<ClusterStatus>("describeCluster", "Nodes, runs and generation jobs as they are now");
        group.MapGet("/events", (ClusterFeed feed, StreamPlaces places, IHostApplicationLifetime lifetime, CancellationToken cancel) => places.TryEnter() is { } place
                ? EventStreams.Send(feed.FollowAsync(place, lifetime.ApplicationStopping, cancel))
                : StreamPlaces.Full())
            .Describe("followCluster", "Server-sent events 'cluster': the same, sent anew when it has changed, at least every 15 seconds").Streams<ClusterStatus>();
    }
}
