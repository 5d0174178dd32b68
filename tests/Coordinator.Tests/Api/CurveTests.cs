using CsCheck;
using Ganymede.Coordinator.Api;
using Ganymede.Messages.Api;

namespace Ganymede.Tests.Api;

/// <summary>What charts are drawn from: bounded, and true to what was reported.</summary>
public sealed class CurveTests : IDisposable
{
    private static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private readonly string _file = Path.GetTempFileName();

    public void Dispose() => File.Delete(_file);

    [Fact]
    public void A_curve_stays_short_and_its_points_are_the_means_of_all_reports() =>
        Gen.Select(Gen.Int[1, 500], Gen.Int[1, 8].Select(half => 2 * half), Gen.Double[-5, 5].Array[500]).Sample((reports, capacity, losses) =>
        {
            var curve = new RunCurve(capacity);
            for (var i = 1; i <= reports; i++)
                curve.Add(Start.AddSeconds(i), Report(i, losses[i - 1]));

            var points = curve.ToArray();
            Assert.InRange(points.Length, Math.Min(reports, capacity / 2), capacity);
            Assert.Equal(reports, points[^1].Step); // the newest is always there
            Assert.Equal(points.Select(point => point.Step).Order(), points.Select(point => point.Step));

            // Each point stands for the reports since the point before, so the means weighed by their number give back the sum.
            var before = 0L;
            foreach (var point in points)
            {
                Assert.Equal(losses[(int)before..(int)point.Step].Average(), point.DiscriminatorLoss, 9);
                Assert.Equal(Start.AddSeconds(point.Step), point.Time);
                before = point.Step;
            }
        });

    [Fact]
    public void What_came_after_the_checkpoint_a_run_went_on_from_is_not_on_the_curve()
    {
        var curve = new RunCurve();
        foreach (var step in new long[] { 10, 20, 30, 40, 25, 35 })
            curve.Add(Start, Report(step, step));

        Assert.Equal([10, 20, 25, 35], curve.ToArray().Select(point => point.Step));
    }

    [Fact]
    public void Metrics_are_read_on_as_the_file_grows_whatever_figures_it_has()
    {
        var metrics = new MetricsFile(_file);
        Assert.Empty(metrics.Read().Step);

        File.AppendAllText(_file, "{\"step\":10,\"discriminatorLoss\":1.5,\"residentBytes\":1000}\n{\"step\":20,\"discrim");
        Assert.Equal([10], metrics.Read().Step); // a line that is just being written is not taken for one

        File.AppendAllText(_file, "inatorLoss\":\"NaN\",\"residentBytes\":2000,\"kid\":0.25,\"text\":\"x\",\"deep\":{}}\nnot json\n\n{\"step\":\"x\"}\n[1]\n{\"step\":30,\"kid\":0.125}\n");
        var read = metrics.Read();

        Assert.Equal([10, 20, 30], read.Step);
        Assert.Equal(["discriminatorLoss", "kid", "residentBytes"], read.Series.Keys.Order(StringComparer.Ordinal));
        Assert.Equal([1.5, double.NaN, double.NaN], read.Series["discriminatorLoss"]);
        Assert.Equal([1000, 2000, double.NaN], read.Series["residentBytes"]);
        Assert.Equal([double.NaN, 0.25, 0.125], read.Series["kid"]);
    }

    [Fact]
    public void Metrics_of_a_resumed_run_are_those_of_the_file_as_it_is()
    {
        var metrics = new MetricsFile(_file);
        Lines(1, 2, 3, 4, 5);
        Assert.Equal([1, 2, 3, 4, 5], metrics.Read().Step);

        Lines(1, 2); // what lies behind the checkpoint is cut off
        Assert.Equal([1, 2], metrics.Read().Step);

        Lines(1, 2, 3);
        File.AppendAllText(_file, "{\"step\":2,\"d\":7}\n"); // written on by another lead from an earlier step
        var read = metrics.Read();
        Assert.Equal([1, 2], read.Step);
        Assert.Equal([1, 7], read.Series["d"]);
    }

    [Fact]
    public void Metrics_of_a_long_run_are_thinned_evenly()
    {
        Lines([.. Enumerable.Range(1, 5000)]);

        var read = new MetricsFile(_file, capacity: 64).Read();

        Assert.InRange(read.Step.Count, 32, 64);
        Assert.Single(read.Step.Zip(read.Step.Skip(1), (a, b) => b - a).Distinct());
        Assert.Equal(read.Step.Select(step => (double)step), read.Series["d"]);
        Assert.True(read.Step[^1] > 4700, $"ends at {read.Step[^1]}");
    }

    [Fact]
    public void A_file_that_is_none_of_ours_does_no_harm()
    {
        File.WriteAllBytes(_file, new byte[200_000]);
        Assert.Empty(new MetricsFile(_file).Read().Step);
        File.WriteAllText(_file, "{\"step\":1," + string.Join(',', Enumerable.Range(0, 1000).Select(i => $"\"s{i}\":{i}")) + "}\n");
        Assert.InRange(new MetricsFile(_file).Read().Series.Count, 1, 64);
    }

    private static RunProgress Report(long step, double loss) => new(step, 1000, loss, -loss, 1, 64, 10, []);

    private void Lines(params int[] steps) => File.WriteAllLines(_file, steps.Select(step => $"{{\"step\":{step},\"d\":{step}}}"));
}
