using Ganymede.Cli;
using Ganymede.Messages;
using Ganymede.Messages.Api;

namespace Ganymede.Tests;

/// <summary>What decides which fault comes when, and what is made of what was seen.</summary>
public sealed class ChaosTests : IDisposable
{
    private static readonly DateTimeOffset Noon = new(2026, 1, 1, 12, 0, 0, TimeSpan.Zero);

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Each_fault_strikes_as_often_as_asked_in_an_order_that_the_seed_decides()
    {
        var faults = Faults("kill@points,stop");

        var once = Order(faults, 10, seed: 1);

        Assert.Equal(10 * faults.Count, once.Count);
        Assert.All(faults, fault => Assert.Equal(10, once.Count(name => name == fault.Name)));
        Assert.Equal(once, Order(faults, 10, seed: 1));
        Assert.NotEqual(once, Order(faults, 10, seed: 2));
    }

    [Fact]
    public void Two_victims_are_never_one()
    {
        var schedule = new FaultSchedule(Settings(Faults("pair"), null, 3));

        Assert.All(Enumerable.Range(0, 200).Select(_ => schedule.ChooseTwo(3)), two =>
        {
            Assert.NotEqual(two.First, two.Second);
            Assert.InRange(two.Second, 0, 2);
        });
    }

    [Fact]
    public void A_cut_needs_what_this_machine_may_not_have()
    {
        List<string> problems = [];

        ChaosSettings.ParseFaults("partition", problems);

        Assert.Equal(TestHosts.WhatIsMissing() is { } missing ? [$"--faults partition: partition needs hosts of its own on this machine: {missing}."] : [], problems);
    }

    [Fact]
    public void A_distribution_has_nearest_ranks_and_counts_by_seconds()
    {
        var known = Distribution.Of("all", Enumerable.Range(1, 100).Select(i => i / 50.0));

        Assert.Equal((100, 1, 1.9, 2), (known.Count, known.Median, known.Percentile95, known.Most));
        Assert.Equal([2, 2, 5, 5, 10, 13, 12, 50, 1, 0, 0], known.Histogram);
        Assert.Equal(0, Distribution.Of("none", []).Most);
    }

    [Theory]
    [InlineData("", 0, 0)]
    [InlineData("{\"step\":1,\"view\":1}\n", 1, 1)]
    [InlineData("{\"step\":1,\"view\":1}\n{\"step\":2,\"view\":3}\n", 2, 3)]
    [InlineData("{\"step\":1,\"view\":1}\n{\"step\":2,\"vi", 1, 1)]
    public void The_newest_whole_line_of_a_ledger_counts(string content, int step, int view)
    {
        File.WriteAllText(_folder["ledger.jsonl"], content);

        Assert.Equal((step, view), new LedgerTail(_folder.Path).Read());
    }

    [Theory]
    [InlineData(FaultPoint.DCompute, "a suspects b in view 1, step 1, phase D: gone", "b", true)]
    [InlineData(FaultPoint.DCompute, "a suspects b in view 1, step 1, phase G: gone", "b", false)]
    [InlineData(FaultPoint.GUpdate, "a suspects b in view 1, step 2, phase D: gone", "b", true)]
    [InlineData(FaultPoint.DCompute, "a suspects b in view 1, step 1, phase D: gone", "a", false)]
    public void Who_had_to_go_and_in_which_phase_is_held_against_what_was_done(FaultPoint point, string said, string evicted, bool isRight)
    {
        var watch = new RunWatch();
        foreach (var text in new[] { "View 1 from step 0 (all are prepared): a-1 has shards 0..1, b-2 has shards 2..3", said, $"Evicted {evicted}-7: it is gone", "View 2 from step 1 (b): a-1 has shards 0..3" })
            watch.Take(new RunEvent { Kind = RunEventKind.State, Text = text, Time = Noon.AddMilliseconds(250) });
        var struck = new Struck(new FaultKind(Fault.Kill, point), ["b"], ["b"], 0, Noon, (1, 1), EndsView: true);

        var fault = FaultReport.Of(struck, 0.5, watch, null);

        Assert.Equal((isRight, 0.25, said), (fault.Named, fault.SecondsToEviction, fault.Text));
        Assert.Equal(2, watch.View.Number);
        Assert.Equal(["a"], watch.View.Members);
    }

    [Theory]
    [InlineData("gpu-node-2 DReduce 7", "gpu-node-2 DReduce 7 1")]
    [InlineData("* Gradient 7-9", "* Gradient 7-9 1")]
    [InlineData(" a  Checkpoint 0 25 ", "a Checkpoint 0 25")]
    public void An_order_says_what_it_was_read_from(string text, string expected) => Assert.Equal(expected, FaultOrder.Parse(text).ToString());

    [Theory]
    [InlineData("")]
    [InlineData("a DReduce")]
    [InlineData("a Lunch 7")]
    [InlineData("a 3 7")]
    [InlineData("a DReduce -7")]
    [InlineData("a DReduce 9-7")]
    [InlineData("a DReduce 7 soon")]
    public void What_is_no_order_says_what_one_is(string text) =>
        Assert.Contains("one of DataLoad,", Assert.Throws<FormatException>(() => FaultOrder.Parse(text)).Message, StringComparison.Ordinal);

    [Fact]
    public void An_order_is_for_one_node_at_one_point_from_a_step_on()
    {
        var order = FaultOrder.Parse("gpu-node-1 DUpdate 7-8");

        Assert.True(order.IsDue("gpu-node-1", FaultPoint.DUpdate, 7));
        Assert.False(order.IsDue("gpu-node-12", FaultPoint.DUpdate, 7));
        Assert.False(order.IsDue("gpu-node-1", FaultPoint.GUpdate, 7));
        Assert.False(order.IsDue("gpu-node-1", FaultPoint.DUpdate, 6));
        Assert.False(order.IsDue("gpu-node-1", FaultPoint.DUpdate, 9));
    }

    private static IReadOnlyList<FaultKind> Faults(string text)
    {
        List<string> problems = [];
        var faults = ChaosSettings.ParseFaults(text, problems);
        Assert.Empty(problems);
        return faults;
    }

    private static ChaosSettings Settings(IReadOnlyList<FaultKind> faults, int? each, ulong seed) =>
        new(faults, TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(1), each, TimeSpan.FromSeconds(1), seed);

    private static List<string> Order(IReadOnlyList<FaultKind> faults, int each, ulong seed)
    {
        var schedule = new FaultSchedule(Settings(faults, each, seed));
        List<string> names = [];
        while (schedule.Next() is { } next)
            names.Add(next.Name);
        return names;
    }
}
