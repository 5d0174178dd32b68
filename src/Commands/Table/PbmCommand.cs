namespace Ganymede.Commands;

/// <summary>Does a command's work: yields its lines as they come, and throws <see cref="PbmException"/> if it cannot be done.</summary>
public delegate IAsyncEnumerable<string> PbmHandler(PbmCall call, CancellationToken cancel);

/// <summary>One command of a palette.</summary>
/// <param name="Help">One line.</param>
/// <param name="Streams">It goes on until whoever asked has enough.</param>
public sealed record PbmCommand(string Name, string Help, IReadOnlyList<PbmArgument> Arguments, PbmHandler Handler, bool Streams = false)
{
    /// <summary>As in help: the name and what it takes.</summary>
    public string Usage => string.Join(' ', [Name, .. Arguments.Select(argument => argument.Usage)]);
}

/// <summary>Commands about one thing.</summary>
public sealed record PbmPalette(string Name, string Help, IReadOnlyList<PbmCommand> Commands, IReadOnlyList<string>? Aliases = null);

/// <summary>A command as somebody gave it.</summary>
/// <param name="By">Who, for logs and events: <c>pbm 127.0.0.1:51234</c>.</param>
/// <param name="Values">By the arguments' names.</param>
public sealed record PbmCall(PbmContext Context, string By, IReadOnlyDictionary<string, IReadOnlyList<string>> Values)
{
    /// <summary>The argument's value; empty if it was not given.</summary>
    public string this[string name] => Values.TryGetValue(name, out var values) ? values[^1] : "";

    /// <summary>Whether it was given.</summary>
    public bool Has(string name) => Values.ContainsKey(name);

    /// <summary>All values of an argument that may be repeated.</summary>
    public string[] All(string name) => Values.TryGetValue(name, out var values) ? [.. values] : [];

    /// <summary>The argument as a whole number.</summary>
    /// <exception cref="PbmException">It is none, or not between <paramref name="least"/> and <paramref name="most"/>; a fault of usage.</exception>
    public long? Whole(string name, long least, long most)
    {
        if (!Has(name))
            return null;
        return long.TryParse(this[name], System.Globalization.NumberStyles.AllowLeadingSign, System.Globalization.CultureInfo.InvariantCulture, out var value)
            && value >= least && value <= most
            ? value
            : throw PbmException.Usage(string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{name} '{this[name]}': a whole number from {least:N0} to {most:N0} is expected."));
    }
}

/// <summary>A command that was not done: its message is all the user sees of it.</summary>
public sealed class PbmException(string message, bool isUsage = false) : Exception(message)
{
    /// <summary>What was typed cannot be understood; otherwise it can, and failed.</summary>
    public bool IsUsage => isUsage;

    public static PbmException Usage(string message) => new(message, isUsage: true);
}
