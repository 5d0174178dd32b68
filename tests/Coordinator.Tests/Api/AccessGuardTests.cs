using System.Net;
using Ganymede.Coordinator.Api;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Ganymede.Tests.Api;

/// <summary>Who may read and who may change: real HTTP on loopback.</summary>
public sealed class AccessGuardTests
{
    private const string Key = "0123456789abcdef";

    [Theory]
    [InlineData("127.0.0.1:8080", 200)]
    [InlineData("localhost:9", 200)]
    [InlineData("LOCALHOST.", 200)]
    [InlineData("[::1]:8080", 200)]
    [InlineData("evil.example", 421)] // a site whose name was made to resolve to loopback
    [InlineData("evil.example:8080", 421)]
    [InlineData("localhost.evil.example", 421)]
    [InlineData("127.0.0.1.evil.example", 421)]
    public async Task On_loopback_it_answers_to_no_name_but_localhost(string host, int expected) =>
        Assert.Equal(expected, await Send(new ApiOptions(), HttpMethod.Get, host));

    [Theory]
    [InlineData("ganymede.example", 200)]
    [InlineData("GANYMEDE.example:80", 200)]
    [InlineData("10.1.2.3:8080", 200)]
    [InlineData("evil.example", 421)]
    public async Task Where_names_are_listed_it_answers_to_those_only(string host, int expected) =>
        Assert.Equal(expected, await Send(new ApiOptions { Host = "0.0.0.0", AllowAnonymous = true, AllowedHosts = ["ganymede.example"] }, HttpMethod.Get, host));

    [Fact]
    public async Task Beyond_loopback_it_may_have_any_name_and_probes_may_use_any_everywhere()
    {
        Assert.Equal(200, await Send(new ApiOptions { Host = "0.0.0.0", AllowAnonymous = true }, HttpMethod.Get, "coordinator"));
        Assert.Equal(200, await Send(new ApiOptions(), HttpMethod.Get, "10-1-2-3.pod.cluster.local", path: "/healthz/live"));
    }

    [Theory]
    [InlineData("http://localhost:8080", null, 200)]
    [InlineData("https://localhost:8080", "same-origin", 200)] // a proxy in front that speaks TLS
    [InlineData(null, "none", 200)]
    [InlineData("http://evil.example", null, 403)]
    [InlineData("http://localhost:9999", null, 403)] // another port is another site
    [InlineData("null", null, 403)] // a sandboxed frame, a file
    [InlineData("", null, 403)]
    [InlineData(null, "cross-site", 403)]
    [InlineData(null, "same-site", 403)]
    public async Task A_foreign_page_changes_nothing(string? origin, string? site, int expected) =>
        Assert.Equal(expected, await Send(new ApiOptions(), HttpMethod.Post, "localhost:8080", ("Origin", origin), ("Sec-Fetch-Site", site)));

    [Theory]
    [InlineData("Bearer " + Key, 200)]
    [InlineData("bearer " + Key, 200)]
    [InlineData(null, 401)]
    [InlineData("Bearer 0123456789abcdeF", 401)]
    [InlineData("Bearer 0123456789abcde", 401)]
    [InlineData("Bearer 0123456789abcdef0", 401)]
    [InlineData("Bearer", 401)]
    [InlineData("Basic " + Key, 401)]
    [InlineData(Key, 401)]
    public async Task What_changes_something_needs_the_key_where_there_is_one(string? authorization, int expected)
    {
        foreach (var method in new[] { HttpMethod.Post, HttpMethod.Put, HttpMethod.Delete, HttpMethod.Patch, HttpMethod.Options, new HttpMethod("POSTX") })
            Assert.Equal(expected, await Send(new ApiOptions { ApiKey = Key }, method, "localhost:8080", ("Authorization", authorization)));
        Assert.Equal(200, await Send(new ApiOptions { ApiKey = Key }, HttpMethod.Get, "localhost:8080", ("Authorization", authorization)));
    }

    [Fact]
    public async Task A_refusal_is_a_problem_that_says_what_is_missing_and_challenges()
    {
        await using var app = await Serve(new ApiOptions { ApiKey = Key });
        using var http = new HttpClient();

        using var refused = await http.PostAsync(new Uri(app.Urls.Single()), null);

        Assert.Equal(HttpStatusCode.Unauthorized, refused.StatusCode);
        Assert.Equal("Bearer", refused.Headers.WwwAuthenticate.Single().Scheme);
        Assert.Equal("application/problem+json", refused.Content.Headers.ContentType!.MediaType);
        Assert.Contains("This needs the API key", await refused.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.Equal("nosniff", refused.Headers.GetValues("X-Content-Type-Options").Single());
    }

    private static async Task<int> Send(ApiOptions options, HttpMethod method, string host, params (string Name, string? Value)[] headers) =>
        await Send(options, method, host, "/", headers);

    private static async Task<int> Send(ApiOptions options, HttpMethod method, string host, string path, params (string Name, string? Value)[] headers)
    {
        await using var app = await Serve(options);
        using var http = new HttpClient();
        using var request = new HttpRequestMessage(method, new Uri(new Uri(app.Urls.Single()), path));
        request.Headers.Host = host;
        foreach (var (name, value) in headers.Where(header => header.Value is not null))
            request.Headers.TryAddWithoutValidation(name, value);
        using var response = await http.SendAsync(request);
        return (int)response.StatusCode;
    }

    private static async Task<WebApplication> Serve(ApiOptions options)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.Services.AddSingleton(Microsoft.Extensions.Options.Options.Create(options));
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        var app = builder.Build();
        app.UseMiddleware<AccessGuard>();
        app.Run(context => context.Response.WriteAsync("done"));
        await app.StartAsync();
        return app;
    }
}
