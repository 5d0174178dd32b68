namespace Ganymede.Commands;

/// <summary>Help from the downloaded commands: all of them, of a palette, of a command.</summary>
public static class PbmHelp
{
    /// <summary>The words after <c>help</c> choose; null when they name nothing there is.</summary>
    public static IEnumerable<string>? Of(Welcome welcome, IReadOnlyList<string> words)
    {
        if (words.Count == 0)
            return All(welcome);
        if (welcome.Palettes.FirstOrDefault(known => known.Name == words[0] || known.Aliases.Contains(words[0])) is not { } palette)
            return null;
        if (words.Count == 1)
            return Of(palette);
        return palette.Commands.FirstOrDefault(known => known.Name == words[1]) is { } command ? Of(palette, command) : null;
    }

    private static IEnumerable<string> All(Welcome welcome)
    {
        var width = welcome.Palettes.SelectMany(palette => palette.Commands.Select(command => palette.Name.Length + command.Name.Length + 1)).DefaultIfEmpty(0).Max();
        foreach (var palette in welcome.Palettes)
        {
            yield return $"{palette.Name}: {palette.Help}{(palette.Aliases.Length == 0 ? "" : $" (also: {string.Join(", ", palette.Aliases)})")}";
            foreach (var command in palette.Commands)
                yield return $"  {$"{palette.Name} {command.Name}".PadRight(width)}  {command.Help}";
        }

        yield return "";
        yield return "help PALETTE [COMMAND] tells more; exit, or Ctrl-D, leaves; Ctrl-C ends a command that goes on.";
    }

    private static IEnumerable<string> Of(PaletteInfo palette) =>
        [$"{palette.Name}: {palette.Help}", .. palette.Commands.SelectMany(command => new[] { $"  {palette.Name} {command.Usage}", $"      {command.Help}" })];

    private static IEnumerable<string> Of(PaletteInfo palette, CommandInfo command)
    {
        yield return command.Help;
        yield return $"Usage: {palette.Name} {command.Usage}";
        var width = command.Arguments.Select(Switches).Select(text => text.Length).DefaultIfEmpty(0).Max();
        foreach (var argument in command.Arguments)
            yield return $"  {Switches(argument).PadRight(width)}  {argument.Help}{(argument.IsMandatory ? " [mandatory]" : "")}";
    }

    private static string Switches(ArgumentInfo argument) => string.Join(", ", argument.Switches) + (argument.IsFlag ? "" : $" {argument.Name.ToUpperInvariant()}");
}
