using System.Diagnostics;
using System.Text.Json;

namespace Ganymede.Tests.Page;

/// <summary>The live page in a browser, beside a run that trains on three nodes.</summary>
public sealed class PageTests : IDisposable
{
    private const string Key = "correct-horse-battery-staple";
    private const double MaxStallSeconds = 3;
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Shows_what_happens_while_it_happens_and_steers_with_the_key_only()
    {
        Assert.SkipUnless(Slow.IsOn, "GANYMEDE_SLOW_TESTS=1: a minute on an idle machine, and it measures times");
        var browser = await Browser.OrSkip();
        var start = Command.StartInfo(_folder.Path, "train", "--preset", "cgan-32", "--steps", "100000", "--shards", "4", "--batch", "32",
            "--nodes", "3", "--sample-every", "10", "--checkpoint-every", "0", "--max-stall", $"{MaxStallSeconds}", "--out", _folder["run"]);
        start.Environment["GANYMEDE__Http__ApiKey"] = Key;
        start.RedirectStandardError = start.RedirectStandardOutput = true;
        using var command = Process.Start(start)!;
        var (output, error) = (command.StandardOutput.ReadToEndAsync(), command.StandardError.ReadToEndAsync());
        await Command.Until(() => File.Exists(_folder["run/ledger.jsonl"]) || command.HasExited, TimeSpan.FromSeconds(120), "the first step");
        Assert.False(command.HasExited, command.HasExited ? await error : null);
        var processes = JsonSerializer.Deserialize<Entry[]>(File.ReadAllText(_folder["run/cluster.json"]), JsonSerializerOptions.Web)!;

        var look = new ProcessStartInfo("node", [Path.Combine(AppContext.BaseDirectory, "Page", "scenario.mjs")]);
        look.Environment["TOOLS"] = browser.Tools;
        look.Environment["CHROMIUM"] = browser.Chromium;
        look.Environment["URL"] = processes.Single(entry => entry.Role == "coordinator").Http;
        look.Environment["KEY"] = Key;
        look.Environment["NODE_PID"] = $"{processes.Last(entry => entry.Role == "gpu-node").Pid}";
        look.Environment["NODE_NAME"] = "gpu-node-3";
        look.Environment["COORDINATOR_PID"] = $"{processes.Single(entry => entry.Role == "coordinator").Pid}";
        look.Environment["SHOTS"] = Environment.GetEnvironmentVariable("GANYMEDE_PAGE_SHOTS") ?? "";
        var looked = await Command.RunAsync(look);
        if (looked.ExitCode != 0 && !command.HasExited)
            command.Kill(entireProcessTree: true);
        Assert.True(looked.ExitCode == 0, looked.Error);
        await command.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(60));

        var found = JsonDocument.Parse(looked.Output.TrimEnd().Split('\n')[^1]).RootElement;
        Assert.Empty(found.GetProperty("faults").EnumerateArray().Select(fault => fault.GetString()));
        Assert.Empty(found.GetProperty("outside").EnumerateArray().Select(url => url.GetString()));
        Assert.All(found.GetProperty("axe").EnumerateObject(), view => Assert.DoesNotContain(
            view.Value.EnumerateArray(), fault => fault.GetProperty("impact").GetString() is "serious" or "critical" or "moderate"));

        Assert.True(found.GetProperty("earlierGrid").GetBoolean());
        Assert.EndsWith("/grids/0", found.GetProperty("firstGrid").GetString(), StringComparison.Ordinal);
        Assert.Equal("false", Text("followsNoMore"));
        Assert.Matches(@"^step [\d,]+: D .+, G .+$", Text("chartInWords"));
        Assert.Equal("Skip to the run", Text("firstStop"));
        Assert.False(found.GetProperty("scrollsSideways").GetBoolean());

        Assert.Equal("Nothing was changed: the API key is needed.", Text("withoutKey"));
        Assert.Equal("That is not the API key.", Text("withWrongKey"));
        Assert.Equal("training", Text("stateWithoutKey"));
        Assert.Contains("pauses after the step in hand", Text("outcome"), StringComparison.Ordinal);
        Assert.True(found.GetProperty("stoodStill").GetBoolean());
        Assert.Equal("pause", Text("focusAfterPause"));

        Assert.Contains("40 of 40 images", Text("job"), StringComparison.Ordinal);
        Assert.InRange(found.GetProperty("seconds").GetProperty("deathShows").GetDouble(), 0, MaxStallSeconds + 1);
        Assert.Contains("Stopped after step", Text("end"), StringComparison.Ordinal);
        Assert.False(found.GetProperty("buttonsAfterTheEnd").GetBoolean());
        Assert.True(command.ExitCode == 130, $"exit code {command.ExitCode}: {await error}{await output}"); // it was stopped by somebody

        string Text(string name) => found.GetProperty(name).GetString()!;
    }

    private sealed record Entry(string Role, int Pid, string Http);
}
