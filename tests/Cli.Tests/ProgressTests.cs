using Ganymede.Cli;
using Ganymede.Messages.Api;

namespace Ganymede.Tests;

public sealed class ProgressTests
{
    [Theory]
    [InlineData(0, "0 s")]
    [InlineData(59.4, "59 s")]
    [InlineData(59.6, "1 min 00 s")]
    [InlineData(192, "3 min 12 s")]
    [InlineData(7500, "2 h 05 min")]
    [InlineData(double.NaN, "–")]
    [InlineData(double.PositiveInfinity, "–")]
    [InlineData(-1, "–")]
    public void Durations_read_as_people_say_them(double seconds, string expected) => Assert.Equal(expected, Figures.Duration(seconds));

    [Fact]
    public void Plain_lines_come_at_most_every_few_seconds_and_the_last_figures_are_never_lost()
    {
        var time = new SetTime();
        using var written = new StringWriter();
        var view = new PlainView(new Terminal(written), time);

        for (var step = 1; step <= 12; step++)
        {
            view.Show(Progress(step));
            time.Now += TimeSpan.FromSeconds(1);
        }

        view.Show(new RunEvent { Kind = RunEventKind.Finished, Text = "Done." });

        string[] lines = [.. written.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split(" | ")[0])];
        Assert.Equal(["step 1 of 12", "step 6 of 12", "step 11 of 12", "step 12 of 12", "Done."], lines);
    }

    [Fact]
    public void A_line_of_progress_has_steps_rate_losses_nodes_and_time_left()
    {
        var line = Figures.Line(Progress(3).Progress!);

        Assert.Equal("step 3 of 12 | 832 images/s | loss D 1.250 G -0.500 | 2 nodes | 1 min 30 s left", line);
    }

    [Fact]
    public void The_data_are_shown_class_by_class_with_what_was_left_out()
    {
        using var written = new StringWriter();
        var view = new PlainView(new Terminal(written), TimeProvider.System);

        view.Show(new RunEvent
        {
            Kind = RunEventKind.Data,
            Text = "",
            Data = new DataSummary("pets", 1_030, 32, 3, "", [new("cat", 1_000), new("[dog]", 30)], ["pets/cat/x.png: not an image"]),
        });

        var text = written.ToString();
        Assert.Contains("pets: 1,030 images, 32x32, RGB, 2 classes", text, StringComparison.Ordinal);
        Assert.Matches(@"cat +1,000 +■{40}\s", text);
        Assert.Matches(@"\[dog\] +30 +■\s", text);
        Assert.Contains("left out: pets/cat/x.png: not an image", text, StringComparison.Ordinal);
    }

    private static RunEvent Progress(long step) => new()
    {
        Kind = RunEventKind.Progress,
        Text = "",
        Progress = new RunProgress(step, 12, 1.25, -0.5, 13, 832, 90, [new("a", step, 1, 1), new("b", step, 1, 1)]),
    };

    private sealed class SetTime : TimeProvider
    {
        public TimeSpan Now { get; set; }

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => Now.Ticks;
    }
}
