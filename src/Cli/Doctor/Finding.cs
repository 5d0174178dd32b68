namespace Ganymede.Cli;

internal enum FindingState
{
    Ok,

    /// <summary>Works, but not as well as it might.</summary>
    Warn,

    /// <summary>Something needed is missing.</summary>
    Fail,
}

/// <summary>One line of the doctor's report.</summary>
/// <param name="Cure">What to do about it; null when all is well.</param>
internal sealed record Finding(string Check, FindingState State, string Text, string? Cure = null)
{
    public static Finding Ok(string check, string text) => new(check, FindingState.Ok, text);
    public static Finding Warn(string check, string text, string cure) => new(check, FindingState.Warn, text, cure);
    public static Finding Fail(string check, string text, string cure) => new(check, FindingState.Fail, text, cure);
}
