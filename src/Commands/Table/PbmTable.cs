namespace Ganymede.Commands;

/// <summary>All commands there are: what the endpoint serves, what the shell completes, and what the Petabridge host registers.</summary>
public sealed class PbmTable(params IReadOnlyList<PbmPalette> palettes)
{
    public IReadOnlyList<PbmPalette> Palettes => palettes;

    /// <summary>The palettes of every program.</summary>
    public static PbmTable Standard { get; } = new(
        ClusterPalette.Create(), ActorPalette.Create(), LogPalette.Create(), RunPalette.Create(), NodePalette.Create(),
        GeneratePalette.Create(), ViewPalette.Create());

    /// <summary>Finds the command that words name, and reads what follows.</summary>
    /// <exception cref="PbmException">There is no such command, or not with such arguments; a fault of usage.</exception>
    public (PbmCommand Command, IReadOnlyDictionary<string, IReadOnlyList<string>> Values) Parse(IReadOnlyList<string> words)
    {
        if (words.Count == 0)
            throw PbmException.Usage($"A palette is expected: {Names(palettes.Select(known => known.Name))}.");
        var palette = palettes.FirstOrDefault(known => known.Name == words[0] || known.Aliases?.Contains(words[0]) == true)
            ?? throw PbmException.Usage($"There is no palette '{Clip(words[0])}'; there are {Names(palettes.Select(known => known.Name))}.");
        // The alias of a palette by itself stands for its first command.
        if (words.Count == 1 && palette.Name != words[0])
            return (palette.Commands[0], Values(palette, palette.Commands[0], []));
        if (words.Count == 1)
            throw PbmException.Usage($"{palette.Name}: a command is expected: {Names(palette.Commands.Select(known => known.Name))}.");
        var command = palette.Commands.FirstOrDefault(known => known.Name == words[1])
            ?? throw PbmException.Usage($"{palette.Name}: there is no command '{Clip(words[1])}'; there are {Names(palette.Commands.Select(known => known.Name))}.");
        return (command, Values(palette, command, [.. words.Skip(2)]));
    }

    private static Dictionary<string, IReadOnlyList<string>> Values(PbmPalette palette, PbmCommand command, string[] words)
    {
        var title = $"{palette.Name} {command.Name}";
        Dictionary<string, List<string>> values = [];
        for (var i = 0; i < words.Length; i++)
        {
            var argument = command.Arguments.FirstOrDefault(known => known.Switches.Contains(words[i]))
                ?? throw PbmException.Usage($"{title}: '{Clip(words[i])}' is none of its switches. Usage: {palette.Name} {command.Usage}");
            if (!argument.IsFlag && i + 1 >= words.Length)
                throw PbmException.Usage($"{title}: {words[i]} needs a value. Usage: {palette.Name} {command.Usage}");
            if (!values.TryAdd(argument.Name, [argument.IsFlag ? "true" : words[++i]]))
            {
                if (!argument.Repeats)
                    throw PbmException.Usage($"{title}: {argument.Switches[0]} is given twice.");
                values[argument.Name].Add(words[i]);
            }
        }

        if (command.Arguments.FirstOrDefault(argument => argument.IsMandatory && !values.ContainsKey(argument.Name)) is { } missing)
            throw PbmException.Usage($"{title}: {missing.Switches[0]} is missing. Usage: {palette.Name} {command.Usage}");
        return values.ToDictionary(pair => pair.Key, IReadOnlyList<string> (pair) => pair.Value);
    }

    private static string Names(IEnumerable<string> names) => string.Join(", ", names);

    /// <summary>What came from outside is not repeated at any length.</summary>
    private static string Clip(string word) => word.Length <= 60 ? word : word[..60] + "…";
}
