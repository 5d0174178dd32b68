using System.Text.Json;

namespace Ganymede.Tests;

/// <summary>The real thing: a Prometheus with our rules scrapes a run. Two minutes, so only with GANYMEDE_SLOW_TESTS=1.</summary>
public sealed class PrometheusTests : IDisposable
{
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(90);
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Every_panel_and_rule_has_data_of_a_run_and_an_alert_fires_when_a_node_is_killed()
    {
        Assert.SkipUnless(Slow.IsOn, "long: GANYMEDE_SLOW_TESTS=1 runs it");
        await using var run = new MonitoredRun(_folder);
        await run.Trained(12);
        await using var prometheus = new PrometheusServer(_folder["prometheus"], run.ClusterFile);
        var drawing = Run.Json(_folder, "generate", "--coordinator", run.Coordinator.Http, "--nodes", "3", "--run", run.Folder, "--count", "12000", "--to", _folder["images"], "--json");

        await Expect(prometheus, Panels(), "panel");
        var rules = prometheus.Rules();
        Assert.All(rules, rule => Assert.True(rule.GetProperty("health").GetString() == "ok", rule.ToString()));
        await Expect(prometheus, rules.Where(rule => rule.GetProperty("type").GetString() == "recording").Select(rule => (rule.GetProperty("name").GetString()!, rule.GetProperty("name").GetString()!)), "recorded series");
        await Expect(prometheus, rules.Where(rule => rule.GetProperty("type").GetString() == "alerting").Select(rule => (rule.GetProperty("name").GetString()!, Compared(rule.GetProperty("query").GetString()!))), "alert's left side");
        Assert.DoesNotContain("GanymedeNodeLost", Firing(prometheus));

        Command.Signal(run.Nodes[^1].Pid, 9);

        await Command.Until(() => Firing(prometheus).Contains("GanymedeNodeLost"), TimeSpan.FromSeconds(30), "the alert of a lost node");
        await drawing;
        await run.Stop();
    }

    private static async Task Expect(PrometheusServer prometheus, IEnumerable<(string Name, string Expression)> wanted, string what)
    {
        var missing = wanted.ToList();
        Assert.NotEmpty(missing);
        var start = System.Diagnostics.Stopwatch.GetTimestamp();
        while (missing.RemoveAll(one => prometheus.Series(one.Expression) > 0) >= 0 && missing.Count > 0)
        {
            if (System.Diagnostics.Stopwatch.GetElapsedTime(start) > _patience)
                Assert.Fail($"No data for {what} {string.Join("; ", missing)}");
            await Task.Delay(500);
        }
    }

    private static IEnumerable<(string, string)> Panels()
    {
        using var dashboard = JsonDocument.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "..", "..", "..", "..", "deploy", "monitoring", "dashboard.json")));
        return
        [
            .. from panel in dashboard.RootElement.GetProperty("panels").EnumerateArray()
               where panel.GetProperty("type").GetString() != "row"
               from target in panel.GetProperty("targets").EnumerateArray()
               select (panel.GetProperty("title").GetString()!, target.GetProperty("expr").GetString()!.Replace("$run", ".*", StringComparison.Ordinal)),
        ];
    }

    /// <summary>An alert compares a series with a limit; what is left of the comparison must be there for it to ever fire.</summary>
    private static string Compared(string query) => query.Split([" > ", " <= ", " == "], 2, StringSplitOptions.None)[0];

    private static IEnumerable<string> Firing(PrometheusServer prometheus) =>
        prometheus.Rules().Where(rule => rule.TryGetProperty("state", out var state) && state.GetString() == "firing").Select(rule => rule.GetProperty("name").GetString()!);
}
