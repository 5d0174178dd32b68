using System.Diagnostics;

namespace Ganymede.Tests;

/// <summary>What the programs of a real run show, and send.</summary>
public sealed class MetricsTests : IDisposable
{
    private static readonly string[] _traced = ["member view", "checkpoint", "view", "run", "ganymede-coordinator", "ganymede-gpu-node"];

    private static readonly string[] _generation = ["ganymede_generation_images", "ganymede_generation_images_wanted", "ganymede_generation_units", "ganymede_sampler_images_total", "ganymede_sampler_queue_length"];

    private readonly TemporaryFolder _folder = new();
    private readonly HttpClient _http = new() { Timeout = TimeSpan.FromSeconds(10) };

    public void Dispose()
    {
        _http.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task A_run_is_on_every_programs_page_as_documented_a_killed_member_is_counted_and_spans_reach_the_collector()
    {
        using var sink = new TraceSink();
        await using var run = new MonitoredRun(_folder, ("OTEL_EXPORTER_OTLP_ENDPOINT", sink.Endpoint), ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"));
        await run.Trained(12);

        var documented = File.ReadLines(Repository("docs/metrics.md")).Where(line => line.StartsWith("| `ganymede.", StringComparison.Ordinal))
            .Select(line => line.Split('|')[2].Trim(' ', '`')).ToHashSet();
        HashSet<string> shown = [];
        await Command.Until(() =>
        {
            shown = [.. run.Programs.SelectMany(program => Read(program).Names)];
            return shown.Count >= documented.Count - _generation.Length;
        }, TimeSpan.FromSeconds(20), "every metric of a run");
        Assert.Empty(shown.Except(documented));
        Assert.Empty(documented.Except(shown).Except(_generation));

        var coordinator = Read(run.Coordinator);
        Assert.Equal(3, coordinator.Value("ganymede_nodes"));
        Assert.Equal(3, coordinator.Value("ganymede_run_members"));
        Assert.Equal(1, coordinator.Value("ganymede_run_phase", "phase=\"training\""));
        Assert.Equal(0, coordinator.Value("ganymede_run_evictions_total"));
        Assert.Equal(5, Read(run.Programs.Single(program => program.Role == "lighthouse")).Value("ganymede_cluster_members", "status=\"up\""));
        var pages = run.Nodes.Select(Read).ToArray();
        Assert.All(pages, page => Assert.InRange(page.Value("ganymede_member_step") ?? -1, 12, 1_000_000));
        Assert.All(pages, page => Assert.True(page.Value("ganymede_phase_time_seconds_total", "phase=\"compute\"") > 0));
        Assert.All(pages, page => Assert.True(page.Value("ganymede_data_io_bytes_total", "direction=\"receive\"") > 1_000_000));
        Assert.All(pages, page => Assert.InRange(page.Value("ganymede_member_images_total") / page.Value("ganymede_member_step") ?? -1, 16 / 4 * 0.9, 16 / 4 * 2 * 1.1));

        Command.Signal(run.Nodes[^1].Pid, 9);
        await Command.Until(() => Read(run.Coordinator).Value("ganymede_run_evictions_total") == 1, TimeSpan.FromSeconds(20), "an eviction");
        await Command.Until(() => Read(run.Nodes[0]).Value("ganymede_stall_time_seconds_total") > 0, TimeSpan.FromSeconds(20), "time between two views");

        await run.Stop();
        Assert.All(_traced, name => Assert.True(sink.Has(name), name));
    }

    private MetricsText Read(MonitoredRun.Program program) => MetricsText.Read(_http, program.Http).GetAwaiter().GetResult();

    private static string Repository(string path) => Path.Combine(AppContext.BaseDirectory, "..", "..", "..", "..", path);
}
