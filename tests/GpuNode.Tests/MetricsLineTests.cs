using Ganymede.GpuNode.Runs;
using Ganymede.Messages;

namespace Ganymede.Tests;

public sealed class MetricsLineTests
{
    private static readonly DateTimeOffset _time = new(2026, 11, 23, 0, 0, 0, TimeSpan.Zero);

    [Fact]
    public void Rates_are_of_the_steps_since_the_line_before()
    {
        var line = MetricsLine.Of(Step(30, seconds: 14, new PhaseSeconds(9, 3, 1.5)), Step(20, seconds: 10, new PhaseSeconds(6, 2.5, 1)), samples: 64);

        Assert.Equal(160, line.ImagesPerSecond!.Value, 9);
        Assert.Equal(0.3, line.ComputeSeconds!.Value, 9);
        Assert.Equal(0.05, line.ExposedCommunicationSeconds!.Value, 9);
        Assert.Equal(0.05, line.OptimizerSeconds!.Value, 9);
        Assert.Equal(0.5, line.SignRate, 9); // 3 of 4 real images above zero
    }

    [Fact]
    public void Without_a_line_before_rates_are_left_out_rather_than_guessed()
    {
        var line = MetricsLine.Of(Step(10, seconds: 5, new PhaseSeconds(3, 1, 1)), before: null, samples: 64);

        Assert.Null(line.ImagesPerSecond);
        Assert.Null(line.ComputeSeconds);
        Assert.DoesNotContain(line.Scalars(), scalar => scalar.Tag.StartsWith("speed/", StringComparison.Ordinal));
    }

    private static CommittedStep Step(long step, double seconds, PhaseSeconds phases) =>
        new(step, View: 1, Fingerprint: 0, DiscriminatorLoss: 1, GeneratorLoss: 2, RealAccuracy: 0.75, FakeAccuracy: 0.5)
        {
            Time = _time.AddSeconds(seconds), Phases = phases, Skipped = 0, Scores = new ScoreFigures(0.5, -0.5, null, null, null, null),
        };
}
