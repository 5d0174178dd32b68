using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Ganymede.Cli;
using Ganymede.Messages.Api;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Ganymede.Tests;

/// <summary>The client against a server that drops it: real HTTP on loopback.</summary>
public sealed class CoordinatorClientTests
{
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(2);

    [Fact]
    public async Task Takes_up_a_broken_stream_after_the_last_event_it_has()
    {
        List<string> asked = [];
        await using var server = await ServeAsync(app => app.MapGet("/api/runs/r/events", (HttpRequest request) =>
        {
            var last = request.Headers["Last-Event-ID"].ToString();
            lock (asked)
                asked.Add(last);
            var next = last.Length == 0 ? 1 : int.Parse(last, System.Globalization.CultureInfo.InvariantCulture) + 1;
            return TypedResults.ServerSentEvents(Events(next, Math.Min(next + 1, 5), end: 5)); // two events a connection
        }));
        using var client = new CoordinatorClient(server.Address, reconnectDeadline: TimeSpan.FromSeconds(20));

        List<RunEvent> events = [];
        await foreach (var happened in client.FollowAsync(JobKind.Runs, "r", CancellationToken.None))
            events.Add(happened);

        Assert.Equal([1, 2, 3, 4, 5], events.Select(happened => happened.Sequence));
        Assert.Equal(RunEventKind.Finished, events[^1].Kind);
        Assert.Equal(["", "2", "4"], asked);
    }

    [Fact]
    public async Task An_event_sent_twice_is_handed_on_once()
    {
        await using var server = await ServeAsync(app => app.MapGet("/api/runs/r/events", () => TypedResults.ServerSentEvents(Twice())));
        using var client = new CoordinatorClient(server.Address);

        List<long> numbers = [];
        await foreach (var happened in client.FollowAsync(JobKind.Runs, "r", CancellationToken.None))
            numbers.Add(happened.Sequence);

        Assert.Equal([1, 2, 3], numbers);

        static async IAsyncEnumerable<SseItem<string>> Twice()
        {
            foreach (var number in new[] { 1, 2, 2, 1, 3 })
                yield return Item(number, 3);
            await Task.CompletedTask;
        }
    }

    [Fact]
    public async Task Gives_up_on_a_Coordinator_that_stays_away_and_names_it()
    {
        var server = await ServeAsync(app => app.MapGet("/api/runs/r/events", () => TypedResults.ServerSentEvents(Events(1, 1, end: 5))));
        using var client = new CoordinatorClient(server.Address, reconnectDeadline: Soon);

        var failure = await Assert.ThrowsAsync<CannotConnectException>(async () =>
        {
            await foreach (var _ in client.FollowAsync(JobKind.Runs, "r", CancellationToken.None))
                await server.DisposeAsync(); // gone after the first event
        });

        Assert.Equal(ExitCode.CannotConnect, failure.ExitCode);
        Assert.Contains(server.Address.ToString(), failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Takes_a_silent_connection_for_dead_and_connects_anew()
    {
        var connections = 0;
        await using var server = await ServeAsync(app => app.MapGet("/api/runs/r/events", (CancellationToken cancel) =>
            TypedResults.ServerSentEvents(Interlocked.Increment(ref connections) == 1 ? Silent(cancel) : Events(2, 3, end: 3))));
        using var client = new CoordinatorClient(server.Address, silenceDeadline: TimeSpan.FromSeconds(1));

        List<long> numbers = [];
        await foreach (var happened in client.FollowAsync(JobKind.Runs, "r", CancellationToken.None))
            numbers.Add(happened.Sequence);

        Assert.Equal([1, 2, 3], numbers);
        Assert.Equal(2, connections);

        static async IAsyncEnumerable<SseItem<string>> Silent([EnumeratorCancellation] CancellationToken cancel)
        {
            yield return Item(1, 3);
            await Task.Delay(Timeout.Infinite, cancel);
        }
    }

    [Fact]
    public async Task A_refusal_carries_every_reason_as_bad_input()
    {
        await using var server = await ServeAsync(app => app.MapPost("/api/runs", () => Results.Json(new Refused(["--batch 7: no.", "--nodes 9: no."]), ApiJson.Options, statusCode: 400)));
        using var client = new CoordinatorClient(server.Address);

        var refused = await Assert.ThrowsAsync<BadInputException>(() => client.SubmitAsync(JobKind.Runs, new { }, CancellationToken.None));

        Assert.Equal(["--batch 7: no.", "--nodes 9: no."], refused.Lines);
        Assert.Equal(ExitCode.BadInput, refused.ExitCode);
    }

    [Fact]
    public async Task A_refusal_without_reasons_says_what_there_is()
    {
        await using var server = await ServeAsync(app => app.MapPost("/api/runs", () => Results.Problem("The body is no JSON.", statusCode: 400)));
        using var client = new CoordinatorClient(server.Address);

        var refused = await Assert.ThrowsAsync<BadInputException>(() => client.SubmitAsync(JobKind.Runs, new { }, CancellationToken.None));

        Assert.Contains("The body is no JSON.", Assert.Single(refused.Lines), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_that_is_no_Coordinator_is_told_from_one()
    {
        await using var server = await ServeAsync(app => app.MapPost("/api/runs", () => "Welcome to the router!"));
        using var client = new CoordinatorClient(server.Address);

        var failure = await Assert.ThrowsAsync<CannotConnectException>(() => client.SubmitAsync(JobKind.Runs, new { }, CancellationToken.None));

        Assert.Contains("is it one?", failure.Message, StringComparison.Ordinal);
    }

    private static async IAsyncEnumerable<SseItem<string>> Events(int first, int last, int end)
    {
        for (var number = first; number <= last; number++)
            yield return Item(number, end);
        await Task.CompletedTask;
    }

    private static SseItem<string> Item(int number, int end) => new(JsonSerializer.Serialize(
        new RunEvent { Sequence = number, Kind = number == end ? RunEventKind.Finished : RunEventKind.State, Text = $"event {number}" }, ApiJson.Options))
    {
        EventId = number.ToString(System.Globalization.CultureInfo.InvariantCulture),
    };

    private static async Task<Server> ServeAsync(Action<WebApplication> map)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        map(app);
        await app.StartAsync();
        return new Server(app, new Uri(app.Urls.First()));
    }

    private sealed record Server(WebApplication App, Uri Address) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync()
        {
            using var atOnce = new CancellationTokenSource(TimeSpan.Zero);
            await App.StopAsync(atOnce.Token);
            await App.DisposeAsync();
        }
    }
}
