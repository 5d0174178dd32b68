namespace Ganymede.Training;

/// <summary>
/// When a run counts as ill, and what may be done about it (<see cref="Controller"/>): the preset's <c>controller</c> keys. Signals are judged a window of steps at a
/// time. A limit of 0 leaves its signal unwatched, a knob of 0 its action out.
/// </summary>
/// <param name="Window">Steps that are judged together; 0: no controller, and nothing is measured for one.</param>
/// <param name="Every">Diversity and classes are measured in each so-manieth step.</param>
/// <param name="Warmup">Steps that are not judged, as untrained networks have no health.</param>
/// <param name="Patience">Ill windows in a row before something is done.</param>
/// <param name="CoolDown">Windows after an action that are not judged: it needs time to show.</param>
/// <param name="Hysteresis">An ill run is healthy again when its signals are this factor better than their limits.</param>
/// <param name="SignRate">Ill above: mean sign of D over real images, -1..1 (r of Karras et al. 2020). Unwatched where D's scores have no zero.</param>
/// <param name="Diversity">Ill below: <see cref="ClassSpread"/> of generated images over that of real ones.</param>
/// <param name="Classes">Ill below: classes that are drawn over classes of the data, both as <see cref="EffectiveClasses"/>; where D guesses classes.</param>
/// <param name="GradientGrowth">Ill above: mean norm of the gradient over that of the last healthy window.</param>
/// <param name="NonFinite">Ill at once: so many steps in a row whose gradients were not finite.</param>
/// <param name="Augment">What a raise of the augmentation adds to its translation, and twice to its cutout.</param>
/// <param name="R1">R1's gamma at its first raise where the preset has less; each further raise is fourfold.</param>
/// <param name="RateFactor">What a learning rate is multiplied by when it is lowered.</param>
/// <param name="RollBacks">Returns to the last healthy weights before the run is stopped.</param>
public sealed record ControllerSettings(
    int Window = 0, int Every = 5, int Warmup = 100, int Patience = 2, int CoolDown = 1, double Hysteresis = 1.5,
    double SignRate = 0.95, double Diversity = 0.3, double Classes = 0.3, double GradientGrowth = 100, int NonFinite = 2,
    double Augment = 0.125, double R1 = 1, double RateFactor = 0.25, int RollBacks = 4)
{
    public bool IsOn => Window > 0;

    public bool WatchesAnything => SignRate > 0 || Diversity > 0 || Classes > 0 || GradientGrowth > 0 || NonFinite > 0;
}
