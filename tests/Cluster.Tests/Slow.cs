namespace Ganymede.Tests;

/// <summary>Long versions of some tests, on with GANYMEDE_SLOW_TESTS=1; the checks of every change run a short slice of each.</summary>
internal static class Slow
{
    public static bool IsOn { get; } = Environment.GetEnvironmentVariable("GANYMEDE_SLOW_TESTS") == "1";

    public static T Or<T>(T slow, T quick) => IsOn ? slow : quick;
}
