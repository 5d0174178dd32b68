using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Ganymede.Messages.Api;

namespace Ganymede.Cli;

/// <summary>The two kinds of job a Coordinator takes, by their path in its API.</summary>
internal static class JobKind
{
    public const string Runs = "runs";
    public const string Generations = "generations";
}

/// <summary>Talks to a Coordinator over HTTP. Every wait has a deadline; a broken event stream is taken up again where it broke.</summary>
internal sealed class CoordinatorClient : IDisposable
{
    private static readonly TimeSpan AnswerDeadline = TimeSpan.FromSeconds(20);

    /// <summary>Between attempts to reconnect, so that a dead port is not hammered.</summary>
    private static readonly TimeSpan RetryPause = TimeSpan.FromMilliseconds(300);

    private readonly HttpClient _http;
    private readonly TimeSpan _reconnectDeadline;
    private readonly TimeSpan _silenceDeadline;
    private readonly bool _bringsKey;

    /// <param name="address">Base URL.</param>
    /// <param name="reconnectDeadline">How long a lost Coordinator, or the one that takes its jobs over, is sought; default 90 s.</param>
    /// <param name="silenceDeadline">After how long without an event the connection is taken for dead and made anew; default 60 s.</param>
    /// <param name="key">The Coordinator's API key; null to bring none.</param>
    /// <param name="connect">Makes the connections, where this process's own network does not lead there.</param>
    public CoordinatorClient(
        Uri address, TimeSpan? reconnectDeadline = null, TimeSpan? silenceDeadline = null, string? key = null,
        Func<string, int, CancellationToken, ValueTask<Stream>>? connect = null)
    {
        _bringsKey = key is not null;
        Address = address;
        _reconnectDeadline = reconnectDeadline ?? TimeSpan.FromSeconds(90);
        _silenceDeadline = silenceDeadline ?? TimeSpan.FromSeconds(60);
        var handler = new SocketsHttpHandler { ConnectTimeout = TimeSpan.FromSeconds(10), UseProxy = !address.IsLoopback && connect is null };
        if (connect is not null)
            handler.ConnectCallback = (context, cancel) => connect(context.DnsEndPoint.Host, context.DnsEndPoint.Port, cancel);
        _http = new HttpClient(handler) { BaseAddress = new Uri(address.GetLeftPart(UriPartial.Path).TrimEnd('/') + "/"), Timeout = Timeout.InfiniteTimeSpan };
        if (key is not null)
            _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key);
    }

    public Uri Address { get; }

    public void Dispose() => _http.Dispose();

    /// <summary>Submits a job; its id.</summary>
    /// <exception cref="BadInputException">The Coordinator refused it; its reasons.</exception>
    /// <exception cref="CannotConnectException">It cannot be reached or gives no sensible answer.</exception>
    public async Task<string> SubmitAsync<T>(string kind, T request, CancellationToken cancel)
    {
        using var response = await AnswerAsync(
            late => _http.PostAsJsonAsync($"api/{kind}", request, ApiJson.Options, late), cancel);
        if (response.StatusCode == HttpStatusCode.Unauthorized)
        {
            throw new BadInputException(_bringsKey
                ? $"{Address}: the API key is not this Coordinator's; it is the content of its Http:ApiKeyFile."
                : $"{Address}: this Coordinator takes orders only with its API key; give --api-key-file FILE, or set {KeySource.Variable}.");
        }

        if (response.StatusCode is HttpStatusCode.BadRequest or HttpStatusCode.NotFound or HttpStatusCode.Conflict)
        {
            var refused = await ReadAsync<Refusal>(response, cancel);
            throw new BadInputException(refused.Problems is { Count: > 0 } all
                ? all
                : [$"{Address}: refused it ({(int)response.StatusCode}): {refused.Detail ?? "no reason given; is it of another version?"}"]);
        }

        return (await ReadAsync<Accepted>(response, cancel)).Id;
    }

    /// <summary>Asks a job to stop after the step in hand; false if it is over already.</summary>
    public async Task<bool> StopAsync(string kind, string id, CancellationToken cancel)
    {
        using var response = await AnswerAsync(late => _http.PostAsync($"api/{kind}/{id}/stop", null, late), cancel);
        return response.IsSuccessStatusCode;
    }

    public async Task<IReadOnlyList<NodeStatus>> NodesAsync(CancellationToken cancel)
    {
        using var response = await AnswerAsync(late => _http.GetAsync("api/nodes", late), cancel);
        return await ReadAsync<List<NodeStatus>>(response, cancel);
    }

    /// <summary>Whether a registered node answers the Coordinator, in a few seconds; false also for one that is not registered.</summary>
    public async Task<bool> AnswersAsync(string node, CancellationToken cancel)
    {
        using var response = await AnswerAsync(late => _http.GetAsync($"api/nodes/{Uri.EscapeDataString(node)}/ping", late), cancel);
        return response.IsSuccessStatusCode;
    }

    /// <summary>A job's events in order, each once, up to the one that ends it.</summary>
    /// <exception cref="CannotConnectException">The Coordinator stayed away for longer than the reconnect deadline, or no longer knows the job.</exception>
    public async IAsyncEnumerable<RunEvent> FollowAsync(string kind, string id, [EnumeratorCancellation] CancellationToken cancel)
    {
        long last = 0;
        long? lostAt = null;
        while (true)
        {
            await using var events = ReadOnceAsync(kind, id, last, cancel).GetAsyncEnumerator(cancel);
            string? broken = null;
            while (broken is null)
            {
                try
                {
                    if (!await events.MoveNextAsync())
                        broken = "the stream of events ended early";
                }
                catch (Exception error) when (error is HttpRequestException or IOException or JsonException)
                {
                    broken = Innermost(error);
                }
                catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
                {
                    broken = string.Create(CultureInfo.InvariantCulture, $"nothing was heard for {_silenceDeadline.TotalSeconds:0} s");
                }

                if (broken is not null)
                    break;
                lostAt = null;
                if (events.Current is not { } happened || happened.Sequence <= last)
                    continue;
                last = happened.Sequence;
                yield return happened;
                if (happened.Kind is RunEventKind.Finished or RunEventKind.Failed)
                    yield break;
            }

            lostAt ??= Environment.TickCount64;
            if (Environment.TickCount64 - lostAt > _reconnectDeadline.TotalMilliseconds)
                throw new CannotConnectException($"{Address}: lost the Coordinator while following {id}: {broken}.");
            await Task.Delay(RetryPause, cancel);
        }
    }

    /// <summary>One connection's events after number <paramref name="last"/>; first a null, once it stands.</summary>
    private async IAsyncEnumerable<RunEvent?> ReadOnceAsync(string kind, string id, long last, [EnumeratorCancellation] CancellationToken cancel)
    {
        using var silence = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        silence.CancelAfter(_silenceDeadline);
        using var request = new HttpRequestMessage(HttpMethod.Get, $"api/{kind}/{id}/events");
        request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("text/event-stream"));
        if (last > 0)
            request.Headers.Add("Last-Event-ID", last.ToString(CultureInfo.InvariantCulture));

        using var response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, silence.Token);
        if (response.StatusCode == HttpStatusCode.NotFound && last > 0)
            throw new HttpRequestException($"the Coordinator does not know {id} any more; it has been started anew and has not taken it over");
        if (response.StatusCode == HttpStatusCode.NotFound)
            throw new CannotConnectException($"{Address}: the Coordinator does not know {id}.");
        response.EnsureSuccessStatusCode();
        yield return null;
        await using var stream = await response.Content.ReadAsStreamAsync(silence.Token);
        await foreach (var item in SseParser.Create(stream).EnumerateAsync(silence.Token))
        {
            silence.CancelAfter(_silenceDeadline);
            yield return JsonSerializer.Deserialize<RunEvent>(item.Data, ApiJson.Options)
                ?? throw new JsonException("an event was empty");
        }
    }

    private async Task<HttpResponseMessage> AnswerAsync(Func<CancellationToken, Task<HttpResponseMessage>> send, CancellationToken cancel)
    {
        using var late = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        late.CancelAfter(AnswerDeadline);
        try
        {
            return await send(late.Token);
        }
        catch (HttpRequestException error)
        {
            throw new CannotConnectException($"{Address}: cannot reach the Coordinator: {Innermost(error)}.");
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            throw new CannotConnectException($"{Address}: the Coordinator has not answered within {AnswerDeadline.TotalSeconds:0} s.");
        }
    }

    private async Task<T> ReadAsync<T>(HttpResponseMessage response, CancellationToken cancel)
    {
        try
        {
            if (!response.IsSuccessStatusCode && typeof(T) != typeof(Refusal))
                throw new CannotConnectException($"{Address}: answered {(int)response.StatusCode} {response.ReasonPhrase}{await DetailAsync(response, cancel)}");
            return await response.Content.ReadFromJsonAsync<T>(ApiJson.Options, cancel) ?? throw new JsonException("empty");
        }
        catch (Exception error) when (error is JsonException or HttpRequestException or IOException)
        {
            throw new CannotConnectException($"{Address}: answered with something a Coordinator would not say ({(int)response.StatusCode}); is it one?");
        }
    }

    /// <summary>What a Coordinator says of why it refuses; a question where nothing of the kind is said.</summary>
    private static async Task<string> DetailAsync(HttpResponseMessage response, CancellationToken cancel)
    {
        const string NoDetail = "; is it a Coordinator?";
        if (response.Content.Headers.ContentType?.MediaType != "application/problem+json")
            return NoDetail;
        using var problem = await JsonDocument.ParseAsync(await response.Content.ReadAsStreamAsync(cancel), cancellationToken: cancel);
        return problem.RootElement.ValueKind == JsonValueKind.Object && problem.RootElement.TryGetProperty("detail", out var detail) && detail.ValueKind == JsonValueKind.String
            ? $": {detail.GetString()}"
            : NoDetail;
    }

    private static string Innermost(Exception error) => error.GetBaseException().Message.TrimEnd('.');

    /// <param name="Problems">Null where the request was not even understood; <paramref name="Detail"/> says why.</param>
    private sealed record Refusal(IReadOnlyList<string>? Problems, string? Detail);
}
