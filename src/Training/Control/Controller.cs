using System.Globalization;

namespace Ganymede.Training;

/// <summary>
/// Notices that a run collapses or diverges, and climbs a ladder of remedies: stronger augmentation (Zhao et al. 2020; Karras et al. 2020), R1 (Mescheder et al.
/// 2018), a lower rate for D (Heusel et al. 2017), the last healthy weights with a lower rate, and in the end a stop that keeps them. Pure: it is asked after each
/// step by every member with the same figures and the same state, so all do the same after the same step, without a word between them.
/// </summary>
/// <remarks>At most one action a window, none in a warm-up or cool-down; after <see cref="WindowsToForget"/> healthy windows the next illness begins at the ladder's foot.</remarks>
internal sealed class Controller(ControllerSettings settings, RealFigures real)
{
    public const int WindowsToForget = 10;

    /// <summary>What a raise multiplies R1 by, and where it ends.</summary>
    private const double R1Growth = 4, MostR1 = 256;

    /// <summary>A rate that was lowered so far cannot be at fault any more.</summary>
    private const double LeastRate = 1e-4;

    /// <param name="Keep">The state after this step is the one to return to from now on.</param>
    public readonly record struct Outcome(ControllerState Next, ControllerEvent? Event, bool Keep);

    /// <param name="step">Steps committed with this one, from 1.</param>
    public Outcome Follow(ControllerState state, StepFigures figures, long step)
    {
        state = state with { Skipped = figures.IsFinite ? 0 : state.Skipped + 1 };
        if (settings.NonFinite > 0 && state.Skipped >= settings.NonFinite)
        {
            var reason = Text($"gradients were not finite in {state.Skipped} steps in a row");
            return Act(state with { Rung = AtLeast(state.Rung, ControllerEventKind.RollBack) }, step, reason, lowersBoth: true);
        }

        if (step <= settings.Warmup)
        {
            return new(state, null, false);
        }

        state = state with { Window = state.Window.Add(figures) };
        return state.Window.Steps < settings.Window ? new(state, null, false) : EndWindow(state, step);
    }

    private Outcome EndWindow(ControllerState state, long step)
    {
        var signals = state.Window.Judge(real);
        state = state with { Window = WindowSums.Empty, Signals = signals };
        if (state.Resting > 0)
        {
            return new(state with { Resting = state.Resting - 1 }, null, false);
        }

        var diagnosis = Diagnosis.Of(settings, signals, state.GoodNorm);
        if (diagnosis.IsHealthy)
        {
            return Thrive(state, signals, step);
        }

        state = state with { HealthyWindows = 0, IllWindows = diagnosis.IsIll || state.IllWindows > 0 ? state.IllWindows + 1 : 0 };
        if (!diagnosis.IsIll || state.IllWindows < settings.Patience)
        {
            return new(state, null, false);
        }

        var reason = Text($"{string.Join("; ", diagnosis.Alarms)} ({state.IllWindows} windows of {settings.Window} steps)");
        return Act(diagnosis.IsUrgent ? state with { Rung = AtLeast(state.Rung, ControllerEventKind.RollBack) } : state, step, reason, diagnosis.IsUrgent);
    }

    private static Outcome Thrive(ControllerState state, Signals signals, long step)
    {
        var healthy = state.HealthyWindows + 1;
        var next = state with
        {
            IllWindows = 0, HealthyWindows = healthy, IsTreated = false, GoodNorm = signals.GradientNorm ?? state.GoodNorm, GoodStep = step,
            Rung = healthy >= WindowsToForget ? default : state.Rung, RollBacks = healthy >= WindowsToForget ? 0 : state.RollBacks,
        };
        var recovered = state.IsTreated
            ? new ControllerEvent(step, ControllerEventKind.Recovered, Text($"Controller, step {step}: healthy again ({Describe(signals)}), with {state.Knobs}"), state.Knobs)
            : null;
        return new(next, recovered, Keep: true);
    }

    /// <summary>The lowest rung, from the state's on, that has something to do.</summary>
    private Outcome Act(ControllerState state, long step, string reason, bool lowersBoth)
    {
        var knobs = state.Knobs;
        var rung = state.Rung;
        while (!Has(rung, state))
        {
            rung++;
        }

        var (turned, what) = rung switch
        {
            ControllerEventKind.RaiseAugmentation => (knobs with { Augmentation = knobs.Augmentation + 1 }, "raises the augmentation"),
            ControllerEventKind.RaiseR1 => (knobs with { R1 = RaisedR1(knobs) }, Text($"raises R1 from {knobs.R1:0.###} to {RaisedR1(knobs):0.###}")),
            ControllerEventKind.LowerRate => (Lower(knobs, false), Text($"lowers D's rate to {Lower(knobs, false).DiscriminatorRate:0.######} of the preset's")),
            ControllerEventKind.RollBack => (Lower(knobs, lowersBoth), Text($"goes back to the weights of step {state.GoodStep} with {(lowersBoth ? "both rates" : "D's rate")} times {settings.RateFactor:0.###}")),
            _ => (knobs, Text($"stops the run with the weights of step {state.GoodStep}: nothing has helped")),
        };
        var next = state with
        {
            Knobs = turned, Window = WindowSums.Empty, Skipped = 0, IllWindows = 0, HealthyWindows = 0, Resting = settings.CoolDown, IsTreated = true,
            RollBacks = state.RollBacks + (rung == ControllerEventKind.RollBack ? 1 : 0),
            Rung = rung < ControllerEventKind.RollBack ? rung + 1 : rung,
        };
        return new(next, new(step, rung, Text($"Controller, step {step}: {reason}. It {what}; now {turned}"), turned), Keep: false);
    }

    private bool Has(ControllerEventKind rung, ControllerState state) => rung switch
    {
        ControllerEventKind.RaiseAugmentation => settings.Augment > 0 && state.Knobs.Augmentation < Knobs.MostAugmentation,
        ControllerEventKind.RaiseR1 => settings.R1 > 0 && state.Knobs.R1 < MostR1,
        ControllerEventKind.LowerRate => state.Knobs.DiscriminatorRate > LeastRate,
        ControllerEventKind.RollBack => state.RollBacks < settings.RollBacks,
        _ => true,
    };

    private double RaisedR1(Knobs knobs) => knobs.R1 < settings.R1 ? settings.R1 : Math.Min(MostR1, R1Growth * knobs.R1);

    private Knobs Lower(Knobs knobs, bool both) => knobs with
    {
        DiscriminatorRate = Math.Max(LeastRate, knobs.DiscriminatorRate * settings.RateFactor),
        GeneratorRate = both ? Math.Max(LeastRate, knobs.GeneratorRate * settings.RateFactor) : knobs.GeneratorRate,
    };

    private static ControllerEventKind AtLeast(ControllerEventKind rung, ControllerEventKind least) => rung < least ? least : rung;

    private static string Describe(Signals signals) => string.Join(", ", new[]
    {
        signals.SignRate is { } sign ? Text($"sign rate {sign:0.000}") : null,
        signals.Diversity is { } diversity ? Text($"diversity {diversity:0.000}") : null,
        signals.Classes is { } classes ? Text($"classes {classes:0.000}") : null,
    }.Where(text => text is not null));

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
