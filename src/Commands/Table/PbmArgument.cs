namespace Ganymede.Commands;

/// <summary>What a command takes after a switch.</summary>
/// <param name="Name">By which the handler asks for it.</param>
/// <param name="Switches">Such as <c>-a</c> and <c>--address</c>; any of them will do.</param>
/// <param name="Help">What it means, with its default.</param>
/// <param name="IsMandatory">The command cannot do without it.</param>
/// <param name="IsFlag">It takes no value.</param>
/// <param name="Repeats">It may be given several times.</param>
public sealed record PbmArgument(
    string Name, IReadOnlyList<string> Switches, string Help, bool IsMandatory = false, bool IsFlag = false, bool Repeats = false)
{
    /// <summary>As in a line of help: <c>[-n, --count N]</c>.</summary>
    public string Usage
    {
        get
        {
            var usage = string.Join(", ", Switches) + (IsFlag ? "" : $" {Name.ToUpperInvariant()}") + (Repeats ? " …" : "");
            return IsMandatory ? usage : $"[{usage}]";
        }
    }
}
