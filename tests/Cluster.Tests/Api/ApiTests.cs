using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Ganymede.Tests.Api;

/// <summary>The HTTP API of a real Coordinator: what it describes, refuses and serves.</summary>
public sealed class ApiTests(ApiTests.KeyedCoordinator coordinator) : IClassFixture<ApiTests.KeyedCoordinator>
{
    private const string Key = "correct-horse-battery-staple";

    /// <summary>A Coordinator with a key in a file.</summary>
    public sealed class KeyedCoordinator : IAsyncLifetime
    {
        private readonly TemporaryFolder _folder = new();

        internal CoordinatorProcess Process { get; private set; } = null!;

        public string KeyFile => _folder["key"];

        public async ValueTask InitializeAsync()
        {
            File.WriteAllText(KeyFile, Key + "\n");
            Process = await CoordinatorProcess.StartAsync($"--Http:ApiKeyFile={KeyFile}");
        }

        public async ValueTask DisposeAsync()
        {
            await Process.DisposeAsync();
            _folder.Dispose();
        }
    }

    private HttpClient Http => coordinator.Process.Http;

    [Fact]
    public async Task Every_documented_operation_answers_as_documented()
    {
        var document = await Json("/openapi/v1.json");
        Assert.StartsWith("3.1", document.GetProperty("openapi").GetString(), StringComparison.Ordinal);
        var operations = document.GetProperty("paths").EnumerateObject()
            .SelectMany(path => path.Value.EnumerateObject().Select(method => (Path: path.Name, Method: method.Name, Operation: method.Value))).ToArray();
        Assert.Equal(operations.Length, operations.Select(one => one.Operation.GetProperty("operationId").GetString()).Distinct().Count());

        foreach (var (path, method, operation) in operations)
        {
            var name = $"{method} {path}";
            Assert.False(string.IsNullOrWhiteSpace(operation.GetProperty("summary").GetString()), name);
            foreach (var withKey in method == "get" ? new[] { false } : [false, true])
            {
                using var request = new HttpRequestMessage(new HttpMethod(method.ToUpperInvariant()), Filled(path));
                if (operation.TryGetProperty("requestBody", out _))
                    request.Content = new StringContent("{}", Encoding.UTF8, "application/json");
                if (withKey)
                    request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", Key);
                using var response = await Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);

                var status = (int)response.StatusCode;
                Assert.True(method == "get" || withKey == (status != 401), $"{name} answered {status} {(withKey ? "with" : "without")} the key");
                Assert.True(operation.GetProperty("responses").TryGetProperty($"{status}", out var documented), $"{name} answered {status}, which is not documented");
                var type = response.Content.Headers.ContentType?.MediaType;
                Assert.True(documented.TryGetProperty("content", out var content) && content.TryGetProperty(type ?? "", out _), $"{name} answered {status} with {type}");
                if (status >= 400)
                    Assert.False(string.IsNullOrWhiteSpace((await Parse(response)).GetProperty("detail").GetString()), $"{name}: a problem without detail");
            }
        }

        Assert.Contains(operations, one => one is { Path: "/api/runs/{id}/pause", Method: "post" });
        Assert.Contains(operations, one => one is { Path: "/api/cluster/events", Method: "get" });
    }

    [Theory]
    [InlineData("GET", "/api/nowhere", null, null, 404)]
    [InlineData("PUT", "/api/runs", "{}", "application/json", 405)]
    [InlineData("POST", "/api/runs", "<run/>", "application/xml", 415)]
    [InlineData("POST", "/api/runs", "{", "application/json", 400)]
    [InlineData("POST", "/api/runs", "{\"folder\":\"/x\",\"steps\":\"many\"}", "application/json", 400)]
    [InlineData("POST", "/api/generations", "{\"count\":-1}", "application/json", 400)]
    [InlineData("GET", "/api/runs/r/grids/..%2f..%2fetc%2fpasswd", null, null, 404)]
    [InlineData("GET", "/api/runs/..%2f..%2fetc/grids/1", null, null, 404)]
    [InlineData("GET", "/api/runs/r/grids/-1", null, null, 404)]
    [InlineData("GET", "/api/runs/r/log?after=x", null, null, 400)]
    [InlineData("GET", "/page/..%2findex.html", null, null, 404)]
    public async Task What_cannot_be_answered_is_a_problem_in_JSON(string method, string path, string? body, string? type, int expected)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), path) { Headers = { Authorization = new("Bearer", Key) } };
        if (body is not null)
            request.Content = new StringContent(body, Encoding.UTF8, type!);

        using var response = await Http.SendAsync(request);

        Assert.Equal(expected, (int)response.StatusCode);
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.MediaType);
        var problem = await Parse(response);
        Assert.Equal(expected, problem.GetProperty("status").GetInt32());
        Assert.DoesNotContain("   at ", problem.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_refused_run_has_every_reason_and_one_that_is_too_large_is_cut_off()
    {
        var run = """{"folder":"x","presetName":"p","preset":"{}","data":"d","size":32,"channels":2,"seed":1,"steps":0,"batch":64,"shards":3,"nodes":1}""";

        using var refused = await Post("/api/runs", run);
        using var large = await Post("/api/runs", run.Replace("\"p\"", $"\"{new string('p', 2_000_000)}\"", StringComparison.Ordinal));

        Assert.Equal(HttpStatusCode.BadRequest, refused.StatusCode);
        var problems = (await Parse(refused)).GetProperty("problems").EnumerateArray().Select(problem => problem.GetString()!).ToArray();
        Assert.Equal(["--out", "--preset", "--steps", "--shards", "--batch"], problems.Select(problem => problem.Split(' ', ':')[0]));
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, large.StatusCode);
    }

    [Fact]
    public async Task The_page_needs_nothing_from_elsewhere_and_lets_nothing_else_run()
    {
        using var start = await Http.GetAsync(new Uri("/", UriKind.Relative));
        var html = await start.Content.ReadAsStringAsync();
        var policy = start.Headers.GetValues("Content-Security-Policy").Single();

        Assert.Contains("default-src 'none'; script-src 'self'", policy, StringComparison.Ordinal);
        Assert.DoesNotContain("unsafe", policy, StringComparison.Ordinal);
        Assert.DoesNotMatch(@"<script(?![^>]*\bsrc=)|\son\w+=|style=|<style|https?://", html);

        HashSet<string> seen = [];
        Queue<string> open = new(Regex.Matches(html, "(?:src|href)=\"(/[^\"#]*)\"").Select(match => match.Groups[1].Value));
        while (open.TryDequeue(out var path))
        {
            if (!seen.Add(path))
                continue;
            using var asset = await Http.GetAsync(new Uri(path, UriKind.Relative));
            Assert.True(asset.IsSuccessStatusCode, path);
            Assert.NotNull(asset.Content.Headers.ContentType);
            var text = await asset.Content.ReadAsStringAsync();
            Assert.DoesNotMatch(@"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function", text);
            foreach (Match import in Regex.Matches(text, "from '\\./([^']+)'"))
                open.Enqueue($"/page/{import.Groups[1].Value}");

            using var unchanged = new HttpRequestMessage(HttpMethod.Get, path) { Headers = { IfNoneMatch = { asset.Headers.ETag! } } };
            using var answer = await Http.SendAsync(unchanged);
            Assert.Equal(HttpStatusCode.NotModified, answer.StatusCode);
        }

        Assert.True(seen.Count > 10, $"{seen.Count} files");
    }

    [Fact]
    public async Task The_cluster_is_sent_at_once_and_an_end_of_the_program_is_not_held_up_by_readers()
    {
        await using var own = await CoordinatorProcess.StartAsync();
        using var response = await own.Http.GetAsync(new Uri("/api/cluster/events", UriKind.Relative), HttpCompletionOption.ResponseHeadersRead);
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync());

        Assert.Equal("text/event-stream", response.Content.Headers.ContentType?.MediaType);
        Assert.Equal("event: cluster", await reader.ReadLineAsync());
        var status = JsonDocument.Parse((await reader.ReadLineAsync())!["data: ".Length..]).RootElement;
        Assert.False(status.GetProperty("keyRequired").GetBoolean());
        Assert.Equal(0, status.GetProperty("nodes").GetArrayLength());
        Assert.True((await Json("/api/cluster")).GetProperty("keyRequired").GetBoolean()); // the other one

        var asked = System.Diagnostics.Stopwatch.GetTimestamp();
        Assert.Equal(0, await own.TerminateAsync());
        Assert.InRange(System.Diagnostics.Stopwatch.GetElapsedTime(asked), TimeSpan.Zero, TimeSpan.FromSeconds(20)); // ASP.NET would wait 30 s and more for a request
    }

    [Theory]
    [InlineData("Http:Host: 0.0.0.0 can be reached from other machines", "--Http:Host=0.0.0.0")]
    [InlineData("Http:ApiKey: 5 characters", "--Http:ApiKey=short")]
    [InlineData("Http:ApiKeyFile: /nowhere/key", "--Http:ApiKeyFile=/nowhere/key")]
    public async Task It_does_not_start_where_anybody_could_steer_it(string expected, string setting)
    {
        var finished = await Command.RunAsync(CoordinatorProcess.StartInfo("--bootstrap", setting));

        Assert.Equal(2, finished.ExitCode);
        Assert.Contains($"coordinator: {expected}", finished.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("short", finished.Error.Replace(setting, "", StringComparison.Ordinal), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_command_line_brings_the_key_or_says_that_it_is_needed()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["wrong"], "wrong-horse-battery-staple");
        Directory.CreateDirectory(folder["run/checkpoints"]);
        string[] train = ["train", "--steps", "1", "--nodes", "9", "--shards", "16", "--batch", "64", "--out", folder["new"], "--coordinator", coordinator.Process.Address.ToString()];

        var without = await Command.Ganymede(folder.Path, train);
        var wrong = await Command.Ganymede(folder.Path, [.. train, "--api-key-file", folder["wrong"]]);

        Assert.Equal(2, without.ExitCode);
        Assert.Contains("takes orders only with its API key; give --api-key-file FILE, or set GANYMEDE_API_KEY", without.Error, StringComparison.Ordinal);
        Assert.Equal(2, wrong.ExitCode);
        Assert.Contains("the API key is not this Coordinator's", wrong.Error, StringComparison.Ordinal);

        // With the key it is taken: a run that waits for its nine nodes, until it is stopped.
        var start = Command.StartInfo(folder.Path, [.. train, "--api-key-file", coordinator.KeyFile]);
        start.RedirectStandardError = start.RedirectStandardOutput = true;
        using var right = System.Diagnostics.Process.Start(start)!;
        var error = right.StandardError.ReadToEndAsync();
        await Command.Until(() => Runs() > 0 || right.HasExited, TimeSpan.FromSeconds(60), "the run");
        Assert.False(right.HasExited, right.HasExited ? await error : null);
        Command.Signal(right.Id, 2);
        await right.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(60));
        Assert.Equal(130, right.ExitCode);
        Assert.Contains("Stopped before training began", await error, StringComparison.Ordinal);

        int Runs() => Json("/api/runs").GetAwaiter().GetResult().GetArrayLength();
    }

    private static string Filled(string path) => path.Replace("{step}", "1", StringComparison.Ordinal).Replace("{id}", "absent", StringComparison.Ordinal).Replace("{node}", "absent", StringComparison.Ordinal);

    private Task<HttpResponseMessage> Post(string path, string body)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, path) { Headers = { Authorization = new("Bearer", Key) }, Content = new StringContent(body, Encoding.UTF8, "application/json") };
        return Http.SendAsync(request);
    }

    private async Task<JsonElement> Json(string path)
    {
        using var response = await Http.GetAsync(new Uri(path, UriKind.Relative));
        Assert.True(response.IsSuccessStatusCode, $"{path}: {response.StatusCode}");
        return await Parse(response);
    }

    private static async Task<JsonElement> Parse(HttpResponseMessage response) => JsonDocument.Parse(await response.Content.ReadAsStringAsync()).RootElement;
}
