using Ganymede.Datasets;

namespace Ganymede.Training;

/// <summary>
/// What both learning rates are multiplied by, as a pure function of the step t (from 0): min(1, (t + 1) / warm-up), times 1 (constant), or with
/// x = (t - warm-up) / (decay steps - warm-up) in 0..1 times 1 - x (linear) or (1 + cos(pi x)) / 2 (Loshchilov and Hutter, 2017).
/// </summary>
public static class LearningRateSchedule
{
    /// <summary>Of a decaying rate beyond its last step: no update is quite nothing, so that a longer run goes on.</summary>
    public const double Least = 1e-3;

    public static double FactorOf(ScheduleSettings schedule, long step)
    {
        if (step < schedule.Warmup)
        {
            return (step + 1.0) / schedule.Warmup;
        }

        if (schedule.Kind == ScheduleKind.Constant)
        {
            return 1;
        }

        var part = Math.Min(1, (double)(step - schedule.Warmup) / (schedule.DecaySteps - schedule.Warmup));

        // By the cosine of a part of a full turn, which is the same bits on every machine.
        return Math.Max(Least, schedule.Kind == ScheduleKind.Linear ? 1 - part : (1 + PortableMath.SineAndCosine(part / 2).Cosine) / 2);
    }
}
