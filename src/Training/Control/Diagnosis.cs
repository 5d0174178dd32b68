using System.Globalization;

namespace Ganymede.Training;

/// <summary>What the signals of a window mean, with its reason. Between an alarm's limit and health lies doubt, in which nothing changes.</summary>
/// <param name="Alarms">A sentence for each signal beyond its limit.</param>
/// <param name="IsHealthy">Every signal is better than its limit by the factor <c>controller.hysteresis</c>.</param>
/// <param name="IsUrgent">Weights or gradients are no longer fit to be nursed: only a return helps.</param>
internal sealed record Diagnosis(IReadOnlyList<string> Alarms, bool IsHealthy, bool IsUrgent)
{
    public bool IsIll => Alarms.Count > 0;

    /// <param name="goodNorm">Gradient norm of the last healthy window; 0 if there was none.</param>
    public static Diagnosis Of(ControllerSettings settings, Signals signals, double goodNorm)
    {
        var alarms = new List<string>();
        var (healthy, urgent) = (signals.NonFinite == 0, false);
        if (settings.SignRate > 0 && signals.SignRate is { } sign)
        {
            healthy &= 1 - sign >= settings.Hysteresis * (1 - settings.SignRate);
            if (sign > settings.SignRate)
            {
                alarms.Add(Text($"D is sure of the real images: mean sign {sign:0.000}, above {settings.SignRate:0.###}"));
            }
        }

        if (settings.Diversity > 0 && signals.Diversity is { } diversity)
        {
            healthy &= diversity >= Math.Min(1, settings.Hysteresis * settings.Diversity);
            if (diversity < settings.Diversity)
            {
                alarms.Add(Text($"generated images of a class vary {diversity:0.000} times as much as real ones, below {settings.Diversity:0.###}"));
            }
        }

        if (settings.Classes > 0 && signals.Classes is { } classes)
        {
            healthy &= classes >= Math.Min(1, settings.Hysteresis * settings.Classes);
            if (classes < settings.Classes)
            {
                alarms.Add(Text($"G draws {classes:0.000} of the data's classes, below {settings.Classes:0.###}"));
            }
        }

        if (settings.GradientGrowth > 0 && goodNorm > 0 && signals.GradientNorm is { } norm)
        {
            healthy &= norm <= settings.GradientGrowth / settings.Hysteresis * goodNorm;
            urgent = norm > settings.GradientGrowth * goodNorm;
            if (urgent)
            {
                alarms.Add(Text($"gradients are {norm / goodNorm:0} times as long as when all was well, above {settings.GradientGrowth:0.###}"));
            }
        }

        return new(alarms, healthy && alarms.Count == 0, urgent);
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
