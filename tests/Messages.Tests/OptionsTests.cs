using System.Text.Json;
using Ganymede.Messages;
using Ganymede.Messages.Api;

namespace Ganymede.Tests;

public sealed class OptionsTests
{
    private const string Self = "akka.tcp://ganymede@127.0.0.1:4053";
    private const string Other = "akka.tcp://ganymede@lighthouse-1.lighthouse:4053";

    [Fact]
    public void An_empty_seed_list_founds_no_island() =>
        Assert.Contains("--bootstrap", Failure(new ClusterNodeOptions()), StringComparison.Ordinal);

    [Fact]
    public void A_seed_list_with_only_oneself_founds_no_island() =>
        Assert.Contains("only this node itself", Failure(new ClusterNodeOptions { Port = 4053, SeedNodes = [Self] }), StringComparison.Ordinal);

    [Fact]
    public void Bootstrap_founds_a_cluster_with_or_without_oneself_in_the_list()
    {
        Assert.Null(FailureOrNull(new ClusterNodeOptions { Bootstrap = true }));
        Assert.Null(FailureOrNull(new ClusterNodeOptions { Bootstrap = true, Port = 4053, SeedNodes = [Self] }));
    }

    [Fact]
    public void A_list_with_another_node_is_fine() =>
        Assert.Null(FailureOrNull(new ClusterNodeOptions { Port = 4053, SeedNodes = [Self, Other] }));

    [Fact]
    public void All_failures_are_said_together()
    {
        var failure = Failure(new ClusterNodeOptions { Port = 70000, PublicHostName = "", SeedNodes = ["akka.tcp://other@host:1"] });

        Assert.Contains("Port", failure, StringComparison.Ordinal);
        Assert.Contains("PublicHostName", failure, StringComparison.Ordinal);
    }

    [Fact]
    public void A_seed_of_another_system_is_named() =>
        Assert.Contains("akka.tcp://other@host:1", Failure(new ClusterNodeOptions { SeedNodes = ["akka.tcp://other@host:1"] }), StringComparison.Ordinal);

    [Fact]
    public void An_HTTP_host_has_to_be_an_address()
    {
        Assert.True(new HttpEndpointOptionsValidator().Validate(null, new HttpEndpointOptions { Host = "nowhere" }).Failed);
        Assert.True(new HttpEndpointOptionsValidator().Validate(null, new HttpEndpointOptions { Host = "0.0.0.0" }).Succeeded);
    }

    [Theory]
    [InlineData(64, 3, 1, "power of two")]
    [InlineData(64, 0, 1, "power of two")]
    [InlineData(63, 4, 1, "not divisible by --shards 4")]
    [InlineData(64, 4, 5, "more members than --shards 4")]
    [InlineData(0, 1, 1, "--batch 0")]
    [InlineData(64, 4, 0, "--nodes 0")]
    public void A_run_request_names_what_is_wrong(int batch, int shards, int nodes, string expected) =>
        Assert.Contains(Request(batch, shards, nodes).Problems(), problem => problem.Contains(expected, StringComparison.Ordinal));

    [Fact]
    public void A_request_with_a_null_where_text_belongs_is_not_read()
    {
        var whole = JsonSerializer.Serialize(Request(64, 4, 4), ApiJson.Options);

        Assert.NotNull(JsonSerializer.Deserialize<RunRequest>(whole, ApiJson.Options));
        Assert.Throws<JsonException>(() => JsonSerializer.Deserialize<RunRequest>(whole.Replace("\"p\"", "null", StringComparison.Ordinal), ApiJson.Options));
    }

    [Fact]
    public void Folders_are_absolute()
    {
        Assert.Contains((Request(64, 4, 4) with { Folder = "runs/a" }).Problems(), problem => problem.Contains("--out 'runs/a'", StringComparison.Ordinal));
        var generation = new GenerationRequest { RunFolder = "../a", Destination = "b", Count = 1, Seed = 1, Nodes = 1, Classes = [""] };
        Assert.Equal(3, generation.Problems().Count);
    }

    [Fact]
    public void A_good_run_request_has_no_problems() => Assert.Empty(Request(64, 4, 4).Problems());

    [Fact]
    public void An_announcement_is_told_from_a_log_line()
    {
        var announcement = new Announcement("gpu-node", 7, Self, "127.0.0.1:1", "http://127.0.0.1:2");

        Assert.Equal(announcement, Announcement.Parse(announcement.ToLine()));
        Assert.Null(Announcement.Parse("2026-01-01T00:00:00.000Z info: Program[0] GANYMEDE-READY"));
    }

    private static RunRequest Request(int batch, int shards, int nodes) => new()
    {
        Folder = "/runs/a", PresetName = "p", Preset = "{}", Data = "d", Size = 32, Channels = 1, Seed = 1, Steps = 1,
        Batch = batch, Shards = shards, Nodes = nodes,
    };

    private static string Failure(ClusterNodeOptions options) => FailureOrNull(options) ?? throw new InvalidOperationException("No failure.");

    private static string? FailureOrNull(ClusterNodeOptions options) =>
        new ClusterNodeOptionsValidator().Validate(null, options) is { Failed: true } result ? result.FailureMessage : null;
}
