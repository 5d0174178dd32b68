namespace Ganymede.Training;

/// <summary>All that the controller remembers. A pure value: equal states and equal figures give equal decisions, on every member and after a resume.</summary>
internal sealed record ControllerState
{
    public required Knobs Knobs { get; init; }

    /// <summary>The window in hand.</summary>
    public WindowSums Window { get; init; } = WindowSums.Empty;

    /// <summary>The last whole window.</summary>
    public Signals? Signals { get; init; }

    /// <summary>Steps in a row, up to now, whose gradients were not finite.</summary>
    public int Skipped { get; init; }

    /// <summary>Windows in a row without health since an alarm.</summary>
    public int IllWindows { get; init; }

    /// <summary>Healthy windows in a row.</summary>
    public int HealthyWindows { get; init; }

    /// <summary>Windows that are not judged yet, after an action.</summary>
    public int Resting { get; init; }

    /// <summary>The rung of the ladder that comes next, a <see cref="ControllerEventKind"/>.</summary>
    public ControllerEventKind Rung { get; init; }

    /// <summary>Returns in this illness.</summary>
    public int RollBacks { get; init; }

    /// <summary>Something was done, and health has not come back yet.</summary>
    public bool IsTreated { get; init; }

    /// <summary>Gradient norm of the last healthy window; 0 before the first.</summary>
    public double GoodNorm { get; init; }

    /// <summary>Steps committed when the state to return to was kept.</summary>
    public long GoodStep { get; init; }
}
