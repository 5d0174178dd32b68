using System.Text.Json;
using Ganymede.Coordinator;
using Ganymede.Messages.Api;

namespace Ganymede.Tests;

public sealed class EventLogTests
{
    private readonly EventLog _log = new(TimeProvider.System);

    [Fact]
    public async Task A_reader_gets_what_was_and_what_comes_in_order_until_the_end()
    {
        Say("one");
        var reading = Texts(after: 0);
        Say("two");
        _log.Append(new RunEvent { Kind = RunEventKind.Finished, Text = "end" });

        Assert.Equal(["one", "two", "end"], await reading.WaitAsync(TimeSpan.FromSeconds(10)));
    }

    [Fact]
    public async Task A_reader_that_was_cut_off_goes_on_after_what_it_has()
    {
        Say("one");
        Say("two");
        _log.Append(new RunEvent { Kind = RunEventKind.Failed, Text = "end" });

        Assert.Equal(["two", "end"], await Texts(after: 1));
    }

    [Fact]
    public async Task After_the_end_nothing_is_taken()
    {
        _log.Append(new RunEvent { Kind = RunEventKind.Finished, Text = "end" });
        Say("late");

        Assert.Equal(["end"], await Texts(after: 0));
    }

    [Fact]
    public async Task Old_progress_goes_and_everything_else_stays()
    {
        Say("first");
        for (var i = 0; i < 5000; i++)
            _log.Append(new RunEvent { Kind = RunEventKind.Progress, Text = $"step {i}" });
        _log.Append(new RunEvent { Kind = RunEventKind.Finished, Text = "end" });

        var texts = await Texts(after: 0);
        Assert.Equal("first", texts[0]);
        Assert.Equal("step 4999", texts[^2]);
        Assert.InRange(texts.Count, 100, 1000);
    }

    [Fact]
    public void The_file_has_every_event_also_those_from_before_it()
    {
        var path = Path.GetTempFileName();
        Say("one");
        _log.MirrorTo(path);
        Say("two");

        Assert.Equal(["one", "two"], File.ReadLines(path).Select(line => JsonSerializer.Deserialize<RunEvent>(line, ApiJson.Options)!.Text));
        File.Delete(path);
    }

    [Fact]
    public void A_loss_that_is_not_a_number_can_be_told()
    {
        var path = Path.GetTempFileName();
        _log.MirrorTo(path);

        _log.Append(new RunEvent
        {
            Kind = RunEventKind.Progress, Text = "step 1", Progress = new RunProgress(1, 2, double.NaN, double.PositiveInfinity, 1, 64, 1, []),
        });

        var read = JsonSerializer.Deserialize<RunEvent>(File.ReadAllText(path), ApiJson.Options)!;
        Assert.True(double.IsNaN(read.Progress!.DiscriminatorLoss));
        Assert.True(double.IsPositiveInfinity(read.Progress.GeneratorLoss));
        File.Delete(path);
    }

    [Fact]
    public async Task A_resumed_run_that_is_taken_over_goes_on_after_its_own_events_and_not_after_those_of_the_run_before()
    {
        var path = Path.GetTempFileName();
        foreach (var texts in new[] { new[] { "one", "stopped" }, ["two", "three"] })
        {
            var log = new EventLog(TimeProvider.System);
            log.MirrorTo(path);
            foreach (var text in texts)
                log.Append(new RunEvent { Kind = text == "stopped" ? RunEventKind.Finished : RunEventKind.State, Text = text });
        }

        _log.GoOnFrom(path);
        Say("four");
        _log.Append(new RunEvent { Kind = RunEventKind.Failed, Text = "end" });

        Assert.Equal(["two", "three", "four", "end"], await Texts(after: 0));
        Assert.Equal(6, File.ReadLines(path).Count());
        File.Delete(path);
    }

    private void Say(string text) => _log.Append(new RunEvent { Kind = RunEventKind.State, Text = text });

    private async Task<List<string>> Texts(long after)
    {
        List<string> texts = [];
        await foreach (var happened in _log.ReadAsync(after, TestContext.Current.CancellationToken))
            texts.Add(happened.Text);
        return texts;
    }
}
