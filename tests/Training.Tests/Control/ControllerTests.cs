using CsCheck;
using Ganymede.Training;

namespace Ganymede.Tests;

/// <summary>The pure controller, on figures that no network made.</summary>
public sealed class ControllerTests
{
    private const int Window = 4;

    private static readonly ControllerSettings Settings = new(Window: Window, Every: 1, Warmup: 8, Patience: 2, CoolDown: 1, RollBacks: 2);
    private static readonly RealFigures Real = new(HasSign: true, Spread: 2, Classes: 5);
    private static readonly StepFigures Well = Figures();
    private static readonly StepFigures Collapsed = Figures(diversity: 0.1);

    private static readonly Gen<StepFigures> AnyFigures = Gen.Select(
        Gen.Frequency((9, Gen.Const(true)), (1, Gen.Const(false))), Gen.Double[-1, 1], Gen.Double[0, 1.5], Gen.Double[1, 5], Gen.Double[0.1, 300],
        (finite, sign, diversity, classes, norm) => Figures(finite, sign, diversity, classes, norm));

    private static readonly Gen<(ControllerSettings Settings, StepFigures[] Steps)> AnyCourse = Gen.Select(
        Gen.Int[1, 6], Gen.Int[0, 10], Gen.Int[1, 3], Gen.Int[0, 2], Gen.Double[1, 3], Gen.Int[0, 3], Gen.Bool, Gen.Bool,
        (window, warmup, patience, coolDown, hysteresis, rollBacks, augments, regularizes) => Settings with
        {
            Window = window, Warmup = warmup, Patience = patience, CoolDown = coolDown, Hysteresis = hysteresis, RollBacks = rollBacks,
            Augment = augments ? 0.125 : 0, R1 = regularizes ? 1 : 0,
        })
        .Select(Gen.Select(AnyFigures, Gen.Int[1, 25], (figures, times) => Enumerable.Repeat(figures, times)).Array[1, 20], (settings, course) => (settings, course.SelectMany(part => part).ToArray()));

    [Fact]
    public void A_healthy_run_is_left_alone_and_each_of_its_windows_is_kept()
    {
        var course = Run(Settings, Enumerable.Repeat(Well, 40));

        Assert.Empty(Events(course));
        Assert.Equal([12, 16, 20, 24, 28, 32, 36, 40], course.Where(step => step.Outcome.Keep).Select(step => step.Step));
    }

    [Fact]
    public void A_collapse_climbs_the_whole_ladder_in_its_order_and_ends_with_a_stop()
    {
        var events = Events(Run(Settings, Enumerable.Repeat(Collapsed, 200)));

        // Two windows of patience after the warm-up of 8 steps, then one of cool-down and two of patience each time.
        Assert.Equal([16, 28, 40, 52, 64, 76, 88], events.Take(7).Select(happened => happened.Step));
        Assert.Equal(
        [
            ControllerEventKind.RaiseAugmentation, ControllerEventKind.RaiseR1, ControllerEventKind.LowerRate, ControllerEventKind.RollBack, ControllerEventKind.RollBack,
            ControllerEventKind.Stop, ControllerEventKind.Stop,
        ], events.Take(7).Select(happened => happened.Kind));
        Assert.Equal(new Knobs(1, 1, 1.0 / 64, 1), events[5].Knobs);
        Assert.Contains("vary 0.100 times as much as real ones, below 0.3 (2 windows of 4 steps)", events[0].Reason, StringComparison.Ordinal);
        Assert.Contains("weights of step 0", events[5].Reason, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("D is sure", 0.99, 1, 5)]
    [InlineData("vary", 0, 0.29, 5)]
    [InlineData("of the data's classes", 0, 1, 1.4)]
    public void Each_signal_raises_an_alarm_beyond_its_limit(string word, double sign, double diversity, double classes)
    {
        var ill = Figures(sign: sign, diversity: diversity, classes: classes);
        Assert.Contains(word, Events(Run(Settings, Enumerable.Repeat(ill, 16)))[0].Reason, StringComparison.Ordinal);
        Assert.Empty(Events(Run(Settings with { SignRate = 0, Diversity = 0, Classes = 0 }, Enumerable.Repeat(ill, 100))));
    }

    [Fact]
    public void Signals_that_mean_nothing_are_not_read()
    {
        var ill = Figures(sign: 1) with { Freedom = 0, Scatter = 0, Drawn = [] };
        Assert.Empty(Events(Run(Settings, Enumerable.Repeat(ill, 100), Real with { HasSign = false })));
    }

    [Fact]
    public void Gradients_that_grow_beyond_measure_are_answered_by_a_return_with_both_rates_lowered()
    {
        var course = Run(Settings, [.. Enumerable.Repeat(Well, 16), .. Enumerable.Repeat(Well with { GradientNorm = 150 }, 8)]);
        var happened = Assert.Single(Events(course));
        Assert.Equal((ControllerEventKind.RollBack, 24L), (happened.Kind, happened.Step));
        Assert.Equal(new Knobs(0, 0, 0.25, 0.25), happened.Knobs);
        Assert.Contains("gradients are 150 times as long", happened.Reason, StringComparison.Ordinal);
        Assert.Contains("weights of step 16", happened.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Steps_that_are_not_finite_are_answered_at_once_and_not_only_at_a_window_s_end()
    {
        var bad = Well with { IsFinite = false };
        Assert.Empty(Events(Run(Settings, [Well, bad, Well, bad, Well])));
        var happened = Assert.Single(Events(Run(Settings, [Well, bad, bad, Well])));
        Assert.Equal((ControllerEventKind.RollBack, 3L), (happened.Kind, happened.Step));
        Assert.Equal([3L, 5L, 7L], Events(Run(Settings, [Well, .. Enumerable.Repeat(bad, 6)])).Select(again => again.Step)); // two returns, then the stop
    }

    [Fact]
    public void Between_limit_and_health_nothing_is_done_and_nothing_is_kept()
    {
        var doubtful = Figures(diversity: 0.4);
        var course = Run(Settings, [.. Enumerable.Repeat(Collapsed, 16), .. Enumerable.Repeat(doubtful, 40), .. Enumerable.Repeat(Well, 4)]);
        Assert.Equal([ControllerEventKind.RaiseAugmentation, ControllerEventKind.Recovered], Events(course).Select(happened => happened.Kind));
        Assert.Equal([60L], course.Where(step => step.Outcome.Keep).Select(step => step.Step));
    }

    [Fact]
    public void A_long_health_forgets_the_illness_and_the_next_one_begins_at_the_ladder_s_foot()
    {
        StepFigures[] Illness(int wellWindows) => [.. Enumerable.Repeat(Collapsed, 16), .. Enumerable.Repeat(Well, 4 + 4 * wellWindows), .. Enumerable.Repeat(Collapsed, 8)];
        Assert.Equal(ControllerEventKind.RaiseR1, Events(Run(Settings, Illness(9)))[^1].Kind);
        Assert.Equal(ControllerEventKind.RaiseAugmentation, Events(Run(Settings, Illness(Controller.WindowsToForget)))[^1].Kind);
    }

    [Fact]
    public void Whatever_the_course_the_ladder_keeps_its_order_waits_out_its_cool_down_and_has_an_end() => AnyCourse.Sample(any =>
    {
        var course = Run(any.Settings, any.Steps);
        var before = (Step: long.MinValue, Kind: (ControllerEventKind)(-1), RollBacks: 0);
        var healthy = 0;
        var knobs = new Knobs(0, 0, 1, 1);
        foreach (var (step, state, outcome) in course)
        {
            healthy = outcome.Keep ? healthy + 1 : outcome.Next.HealthyWindows == 0 ? 0 : healthy;
            if (healthy >= Controller.WindowsToForget)
                before = (before.Step, (ControllerEventKind)(-1), 0);
            if (outcome.Event is not { } happened)
            {
                Assert.Equal(knobs, outcome.Next.Knobs); // nothing changes without an event
                continue;
            }

            Assert.Equal((step, knobs = happened.Knobs), (happened.Step, outcome.Next.Knobs));
            Assert.StartsWith($"Controller, step {step}: ", happened.Reason, StringComparison.Ordinal);
            if (happened.Kind == ControllerEventKind.Recovered)
            {
                Assert.True(outcome.Keep && state.IsTreated);
                continue;
            }

            Assert.False(outcome.Keep);
            var isUrgent = state.Skipped + 1 >= any.Settings.NonFinite && any.Settings.NonFinite > 0 && !any.Steps[step - 1].IsFinite;
            var wait = isUrgent ? any.Settings.NonFinite : any.Settings.Window * (1 + any.Settings.CoolDown);
            Assert.True(before.Step == long.MinValue || step - before.Step >= wait, $"actions at {before.Step} and {step}");
            Assert.True(isUrgent || step > any.Settings.Warmup);
            Assert.True(happened.Kind > before.Kind || (happened.Kind == before.Kind && happened.Kind >= ControllerEventKind.RollBack), $"{before.Kind}, then {happened.Kind}");
            before = (step, happened.Kind, before.RollBacks + (happened.Kind == ControllerEventKind.RollBack ? 1 : 0));
            Assert.True(before.RollBacks <= any.Settings.RollBacks);
            Assert.False(happened.Kind == ControllerEventKind.RaiseAugmentation && any.Settings.Augment == 0);
            Assert.False(happened.Kind == ControllerEventKind.RaiseR1 && any.Settings.R1 == 0);
        }
    }, iter: 2_000);

    [Fact]
    public void A_state_that_was_written_and_read_decides_as_if_nothing_had_been() => AnyCourse.Sample(any =>
    {
        var controller = new Controller(any.Settings, Real);
        var (straight, read) = (Start(), Start());
        foreach (var (index, figures) in any.Steps.Index())
        {
            var memory = ControllerMemory.Write(read);
            read = ControllerMemory.Read(new Dictionary<string, NamedTensor> { [memory.Name] = memory });
            var (one, other) = (controller.Follow(straight, figures, index + 1), controller.Follow(read, figures, index + 1));
            Assert.Equal((one.Event, one.Keep), (other.Event, other.Keep));
            (straight, read) = (one.Next, other.Next);
        }

        Assert.Equal(ControllerMemory.Write(straight).Data.ToArray(), ControllerMemory.Write(read).Data.ToArray());
    }, iter: 200);

    [Fact]
    public void A_memory_that_is_no_controller_s_is_refused()
    {
        var whole = ControllerMemory.Write(Start());
        Assert.Throws<CheckpointException>(() => ControllerMemory.Read(new Dictionary<string, NamedTensor>()));
        foreach (var bad in new[] { whole with { Data = whole.Data[..^8] }, whole with { Data = new byte[whole.Data.Length] }, whole with { Type = TensorType.U8 } })
        {
            var error = Assert.Throws<CheckpointException>(() => ControllerMemory.Read(new Dictionary<string, NamedTensor> { [whole.Name] = bad }));
            Assert.Contains("controller.state", error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void The_effective_number_of_classes_is_one_over_the_sum_of_squared_shares()
    {
        Assert.Equal(4, EffectiveClasses.Of([5, 5, 5, 5]));
        Assert.Equal(1, EffectiveClasses.Of([0, 7, 0]));
        Assert.Equal(1 / (0.25 + 0.0625 + 0.0625), EffectiveClasses.Of([4, 2, 2]), 12);
        Assert.Equal(double.NaN, EffectiveClasses.Of([]));
    }

    private static StepFigures Figures(bool finite = true, double sign = 0.5, double diversity = 1, double classes = 5, double norm = 1)
    {
        // Two classes that share so that 1 / (p^2 + (1 - p)^2) would do up to 2; beyond, as many equal ones.
        var equal = Enumerable.Repeat(1.0, (int)Math.Floor(classes)).ToArray();
        var share = classes - Math.Floor(classes);
        return new(finite, sign, diversity * Real.Spread * 10, 10, share == 0 ? equal : [.. equal, share / 4], norm);
    }

    private static ControllerState Start() => new() { Knobs = new Knobs(0, 0, 1, 1) };

    private static List<(long Step, ControllerState Before, Controller.Outcome Outcome)> Run(ControllerSettings settings, IEnumerable<StepFigures> steps, RealFigures? real = null)
    {
        var controller = new Controller(settings, real ?? Real);
        var state = Start();
        var course = new List<(long, ControllerState, Controller.Outcome)>();
        foreach (var figures in steps)
        {
            var outcome = controller.Follow(state, figures, course.Count + 1);
            course.Add((course.Count + 1, state, outcome));
            state = outcome.Next;
        }

        return course;
    }

    private static List<ControllerEvent> Events(IEnumerable<(long Step, ControllerState Before, Controller.Outcome Outcome)> course) =>
        [.. course.Select(step => step.Outcome.Event).OfType<ControllerEvent>()];
}
