namespace Ganymede.Commands;

/// <summary>What may come next on a line: palettes, then commands, then switches. Pure.</summary>
public static class Completion
{
    private static readonly string[] _own = ["help", "exit"];

    /// <summary>Words that the last one on the line may become; all that are possible after a blank.</summary>
    public static IReadOnlyList<string> Of(string line, IReadOnlyList<PaletteInfo> palettes)
    {
        var words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        var isNew = line.Length == 0 || line[^1] == ' ';
        var begun = isNew ? "" : words[^1];
        var before = isNew ? words : words[..^1];
        var isHelp = before is ["help", ..];
        var path = isHelp ? before[1..] : before;
        var possible = path switch
        {
            [] => palettes.Select(palette => palette.Name).Concat(palettes.SelectMany(palette => palette.Aliases)).Concat(isHelp ? [] : _own),
            [var name] => Find(name)?.Commands.Select(command => command.Name) ?? [],
            [var name, var command, ..] when !isHelp => Switches(Find(name)?.Commands.FirstOrDefault(known => known.Name == command), path[2..]),
            _ => [],
        };
        return [.. possible.Where(word => word.StartsWith(begun, StringComparison.Ordinal)).Distinct().Order(StringComparer.Ordinal)];

        PaletteInfo? Find(string name) => palettes.FirstOrDefault(palette => palette.Name == name || palette.Aliases.Contains(name));
    }

    /// <summary>The longest beginning that all have in common.</summary>
    public static string Common(IReadOnlyList<string> words)
    {
        if (words.Count == 0)
            return "";
        var common = words[0];
        foreach (var word in words)
            common = common[..common.Zip(word).TakeWhile(pair => pair.First == pair.Second).Count()];
        return common;
    }

    /// <summary>None where a switch waits for its value.</summary>
    private static IEnumerable<string> Switches(CommandInfo? command, string[] given)
    {
        if (command is null || (given.Length > 0 && command.Arguments.Any(argument => !argument.IsFlag && argument.Switches.Contains(given[^1]))))
            return [];
        return command.Arguments.SelectMany(argument => argument.Switches);
    }
}
