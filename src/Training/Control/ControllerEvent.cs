namespace Ganymede.Training;

/// <summary>What the controller did, in the order of its ladder, and what it saw come of it.</summary>
public enum ControllerEventKind
{
    RaiseAugmentation,
    RaiseR1,
    LowerRate,

    /// <summary>Weights and optimizer state of the last healthy window, and a lower learning rate; step and samples go on.</summary>
    RollBack,

    /// <summary>The run ends with the weights of the last healthy window.</summary>
    Stop,

    /// <summary>No action: signals are healthy again after one.</summary>
    Recovered,
}

/// <param name="Step">Steps committed with the one after which it happened, from 1.</param>
/// <param name="Reason">In words, a whole line.</param>
/// <param name="Knobs">As they are from now on.</param>
public sealed record ControllerEvent(long Step, ControllerEventKind Kind, string Reason, Knobs Knobs)
{
    /// <summary>Weights are to be those of the last healthy window.</summary>
    internal bool Returns => Kind is ControllerEventKind.RollBack or ControllerEventKind.Stop;
}

/// <summary>What a member knows of the controller after a step.</summary>
/// <param name="Signals">Of the last whole window; null before the first.</param>
/// <param name="Event">What happened after this very step; null if nothing.</param>
public sealed record ControllerReport(Signals? Signals, Knobs Knobs, ControllerEvent? Event);
