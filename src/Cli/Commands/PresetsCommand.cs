using System.CommandLine;
using System.Text.Json;
using Ganymede.Training;
using Spectre.Console;

namespace Ganymede.Cli;

/// <summary><c>ganymede presets</c>: what <c>--preset</c> and <c>--set</c> can say.</summary>
internal static class PresetsCommand
{
    public static Command Create()
    {
        var name = new Argument<string?>("name") { Description = "Show every key of this preset, or of a .json file.", Arity = ArgumentArity.ZeroOrOne };
        var set = OptionKinds.Repeatable("--set", "key=value", "Show it with this override.");
        var json = OptionKinds.Switch("--json", "Print one JSON object: the preset itself, or every preset by its name.");
        var command = new Command("presets", "Lists the presets, or every key of one with its value and what it may be.") { name, set, json };
        command.SetAction(parsed =>
        {
            var terminal = new Terminal(parsed.GetValue(json));
            var overrides = parsed.GetValue(set)!;
            if (parsed.GetValue(name) is { } one)
                ShowOne(terminal, Preset.Load(one, overrides));
            else if (overrides.Length > 0)
                throw new BadInputException("--set: which preset? Name it: 'ganymede presets NAME --set key=value'.");
            else
                ShowAll(terminal);
            return ExitCode.Done;
        });
        return command;
    }

    private static void ShowAll(Terminal terminal)
    {
        var presets = Preset.Names.Select(name => Preset.Load(name, [])).ToList();
        terminal.Result(presets.ToDictionary(preset => preset.Name, preset => JsonElement.Parse(preset.ToJson())));
        var table = new Table().Border(TableBorder.Simple).AddColumns("preset", "images", "conditional", "batch", "shards", "steps", "loss");
        foreach (var preset in presets)
        {
            var values = PresetKeys.All.ToDictionary(key => key.Name, key => key.ValueIn(preset));
            table.AddRow(preset.Name, $"{preset.Size}x{preset.Size}x{preset.Channels}", values["conditional"], values["batch"], values["shards"], values["steps"], values["loss"]);
        }

        terminal.People.Write(table);
        terminal.Line("'./ganymede presets NAME' shows every key; 'train --set key=value' overrides one.");
    }

    private static void ShowOne(Terminal terminal, Preset preset)
    {
        terminal.Result(JsonElement.Parse(preset.ToJson()));
        var table = new Table().Border(TableBorder.Simple).AddColumns("key", "value", "may be");
        foreach (var key in PresetKeys.All)
            table.AddRow(Markup.Escape(key.Name), Markup.Escape(key.ValueIn(preset)), Markup.Escape(key.Allowed));
        terminal.People.Write(table);
    }
}
