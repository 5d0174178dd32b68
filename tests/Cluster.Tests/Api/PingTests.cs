using System.Net;
using System.Text.Json;
using Ganymede.Cli;

namespace Ganymede.Tests;

public sealed class PingTests
{
    [Fact]
    public async Task A_node_answers_by_its_id_and_by_what_it_begins_with_and_one_that_is_not_there_is_named()
    {
        using var http = new HttpClient { BaseAddress = await StandingCluster.Coordinator() };
        using var client = new CoordinatorClient(http.BaseAddress);
        var id = "";
        await Command.Until(() => (id = client.NodesAsync(CancellationToken.None).GetAwaiter().GetResult() is [.., var last] ? last.Node : "").Length > 0, TimeSpan.FromSeconds(60), "a node");

        foreach (var name in new[] { id, id[..id.LastIndexOf('-')] })
            Assert.InRange(JsonDocument.Parse(await http.GetStringAsync($"api/nodes/{name}/ping")).RootElement.GetProperty("seconds").GetDouble(), 1e-6, 5);

        using var none = await http.GetAsync("api/nodes/nobody/ping");
        Assert.Equal(HttpStatusCode.NotFound, none.StatusCode);
        Assert.Contains("No node is called 'nobody'", await none.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }
}
