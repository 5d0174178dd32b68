using System.Diagnostics;
using System.Text.RegularExpressions;

namespace Ganymede.Tests;

/// <summary>Prometheus' rules and the dashboard, as far as they can be checked without a Prometheus.</summary>
public sealed partial class RulesTests
{
    [Theory]
    [InlineData("check", "rules", "rules.yaml")]
    [InlineData("test", "rules", "rules.test.yaml")]
    public async Task Promtool_accepts(params string[] arguments)
    {
        var start = new ProcessStartInfo("promtool", arguments)
        {
            WorkingDirectory = Repository.File("deploy", "monitoring"), RedirectStandardOutput = true, RedirectStandardError = true,
        };
        Process process;
        try
        {
            process = Process.Start(start)!;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            Assert.Skip("promtool is not installed (Debian: apt-get install prometheus), so the rules cannot be run.");
            throw;
        }

        using (process)
        {
            var (output, errors) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
            await process.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(60));
            Assert.True(process.ExitCode == 0, await output + await errors);
        }
    }

    [Fact]
    public void Rules_and_dashboard_name_only_metrics_that_are_documented()
    {
        var known = MetricsPage.Rows.SelectMany(row => row.Kind == "histogram" ? [row.Prometheus + "_bucket", row.Prometheus + "_sum", row.Prometheus + "_count"] : new[] { row.Prometheus }).ToHashSet();
        foreach (var file in new[] { "rules.yaml", "dashboard.json" })
        {
            var text = File.ReadAllText(Repository.File("deploy", "monitoring", file));
            var used = Metric().Matches(text).Select(match => match.Value).ToHashSet();
            Assert.NotEmpty(used);
            Assert.Empty(used.Except(known));
            var recorded = Recorded().Matches(File.ReadAllText(Repository.File("deploy", "monitoring", "rules.yaml"))).Select(match => match.Groups[1].Value);
            Assert.Empty(RecordedUse().Matches(text).Select(match => match.Value).Except(recorded));
        }
    }

    [GeneratedRegex(@"(?<!explain --run |[a-z-])ganymede_[a-z_]+")]
    private static partial Regex Metric();

    [GeneratedRegex(@"record: (ganymede:\S+)")]
    private static partial Regex Recorded();

    [GeneratedRegex(@"ganymede:[a-z0-9_]+:[a-z0-9_]+|ganymede:[a-z0-9_]+")]
    private static partial Regex RecordedUse();
}
