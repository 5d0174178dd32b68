using System.Globalization;
using System.Text.Json;
using Ganymede.Cli;
using Ganymede.Commands;
using Ganymede.Messages.Api;

namespace Ganymede.Tests;

/// <summary>What a run's folder tells of it afterwards.</summary>
public sealed class ExplainTests : IDisposable
{
    private static readonly DateTimeOffset Noon = new(2026, 1, 1, 12, 0, 0, TimeSpan.Zero);

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_ledger_with_every_sample_once_is_whole()
    {
        Ledger((1, 1, 0, 63), (2, 1, 64, 127), (3, 2, 128, 191));

        Assert.Equal(new LedgerCheck(3, 192, 2, null), LedgerCheck.Read(_folder.Path));
    }

    [Theory]
    [InlineData(3, 2, 128, 191, "comes step 3")] // after step 1
    [InlineData(2, 1, 0, 63, "samples 0 to 63")]
    [InlineData(1, 1, 64, 127, "comes step 1")]
    [InlineData(2, 0, 64, 127, "view 0, after one of view 1")]
    public void A_step_left_out_or_taken_twice_is_named(int step, int view, int first, int last, string expected)
    {
        Ledger((1, 1, 0, 63), (step, view, first, last));

        Assert.Contains(expected, LedgerCheck.Read(_folder.Path).Problem, StringComparison.Ordinal);
    }

    [Fact]
    public void A_torn_line_is_a_problem_and_no_exception()
    {
        Ledger((1, 1, 0, 63));
        File.AppendAllText(_folder["ledger.jsonl"], "{\"step\":2,");

        Assert.Contains("cannot be read", LedgerCheck.Read(_folder.Path).Problem, StringComparison.Ordinal);
    }

    [Fact]
    public void The_story_has_the_death_how_long_it_took_and_who_was_late()
    {
        Ledger((1, 1, 0, 63), (2, 2, 64, 127));
        Events("Waiting for nodes: 0 of 2", "a suspects b in view 1, step 1, phase D: b closed the connection", "Evicted b: it is gone", "View 2 from step 1 (b is gone): a has shards 0..3");
        Flight("a", ("suspect", 1, 0, 0), ("compute", 1, 0, 10), ("sum", 1, 0, 31), ("sum", 2, 250, 1));
        Flight("b", ("compute", 1, 0, 40), ("sum", 1, 0, 1));

        var story = RunStory.Tell(_folder.Path).ToArray();

        Assert.DoesNotContain(story, line => line.Contains("Waiting for nodes", StringComparison.Ordinal));
        Assert.Contains(story, line => line.EndsWith("Evicted b: it is gone", StringComparison.Ordinal));
        Assert.Contains(story, line => line.Contains("the next sum came 250 ms after the first suspicion", StringComparison.Ordinal));
        Assert.Contains(story, line => line.Contains("b computes 40.0 ms and waits 1.0, a computes 10.0 ms and waits 31.0; the others wait for b", StringComparison.Ordinal));
        Assert.Equal("ledger: 2 steps with 128 samples, each once, in 2 views", story[^1]);
    }

    [Fact]
    public void A_view_that_ended_before_its_first_sum_says_so_of_its_members()
    {
        Ledger((1, 1, 0, 63));
        Events("View 2 from step 1 (b is back): a has shards 0..1, b has shards 2..3");
        Flight("a", ("compute", 2, 0, 10));
        Flight("b", ("compute", 2, 0, 11));

        Assert.Contains(RunStory.Tell(_folder.Path), line => line.EndsWith("b computes 11.0 ms, and no sum came, a computes 10.0 ms, and no sum came", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_folder_without_a_run_is_bad_input()
    {
        var finished = await Command.Ganymede(_folder.Path, "explain", "--run", _folder.Path);

        Assert.Equal(2, finished.ExitCode);
        Assert.Contains("holds no run", finished.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("kill,flood", "'flood' is none of kill, pair, stop, leave, join, coordinator, lighthouse, partition, kill@POINT")]
    [InlineData("kill@Lunch", "'kill@Lunch': a point is one of DataLoad, DCompute,")]
    [InlineData("kill@Weights", "'kill@Weights': a point is one of")]
    [InlineData("stop@Join", "'stop@Join' is none of")]
    [InlineData("3", "'3' is none of")]
    public void Faults_that_do_not_exist_are_named(string text, string expected)
    {
        List<string> problems = [];

        ChaosSettings.ParseFaults(text, problems);

        Assert.Contains(expected, Assert.Single(problems), StringComparison.Ordinal);
    }

    private void Ledger(params (int Step, int View, int First, int Last)[] lines) => File.WriteAllLines(
        _folder["ledger.jsonl"],
        lines.Select(line => string.Create(CultureInfo.InvariantCulture, $"{{\"step\":{line.Step},\"view\":{line.View},\"firstSample\":{line.First},\"lastSample\":{line.Last}}}")));

    private void Events(params string[] texts) => File.WriteAllLines(
        _folder["events.jsonl"], texts.Select(text => JsonSerializer.Serialize(new RunEvent { Kind = RunEventKind.State, Text = text, Time = Noon }, ApiJson.Options)));

    private void Flight(string node, params (string What, int View, int At, double Milliseconds)[] events)
    {
        Directory.CreateDirectory(_folder[FlightEvent.Folder]);
        File.WriteAllLines(_folder[$"{FlightEvent.Folder}/{node}.jsonl"], events.Select(happened => JsonSerializer.Serialize(
            new FlightEvent(Noon.AddMilliseconds(happened.At), node, happened.What, happened.View, 1, 0, happened.Milliseconds, null), ApiJson.Options)));
    }
}
