using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
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
        var measure = OptionKinds.Switch("--measure", "Train a few steps of each preset here, on one thread and invented images, and show steps a second. Takes minutes.");
        var json = OptionKinds.Switch("--json", "Print one JSON object: the preset itself, or every preset by its name, with its figures.");
        var command = new Command("presets", "Lists the presets, or every key of one with its value and what it may be.") { name, set, measure, json };
        command.SetAction(parsed =>
        {
            var terminal = new Terminal(parsed.GetValue(json));
            var overrides = parsed.GetValue(set)!;
            if (parsed.GetValue(name) is { } one)
                ShowOne(terminal, Preset.Load(one, overrides), parsed.GetValue(measure));
            else if (overrides.Length > 0)
                throw new BadInputException("--set: which preset? Name it: 'ganymede presets NAME --set key=value'.");
            else
                ShowAll(terminal, parsed.GetValue(measure));
            return ExitCode.Done;
        });
        return command;
    }

    private static void ShowAll(Terminal terminal, bool measure)
    {
        var all = new JsonObject();
        var table = new Table().Border(TableBorder.Simple).AddColumns("preset", "images", "class", "batch", "loss", "M parameters", "GFLOP", "MB");
        table.Caption("millions of parameters: generator + discriminator; GFLOP and MB of gradients for each step");
        if (measure)
            table.AddColumn("steps/s");
        foreach (var column in table.Columns)
            column.NoWrap();
        foreach (var preset in Preset.Names.Select(name => Preset.Load(name, [])))
        {
            var (figures, rate) = FiguresOf(terminal, preset, measure);
            all[preset.Name] = WithFigures(preset, figures, rate);
            var loss = PresetKeys.All.Single(key => key.Name == "loss").ValueIn(preset);
            string[] cells =
            [
                preset.Name, $"{preset.Size}x{preset.Size}x{preset.Channels}", ClassOf(preset), Text($"{preset.Batch}"), loss,
                Text($"{figures.GeneratorParameters / 1e6:0.00} + {figures.DiscriminatorParameters / 1e6:0.00}"), Text($"{figures.GflopPerStep:0}"),
                Text($"{figures.GradientBytesPerStep / 1e6:0.0}"),
            ];
            table.AddRow(rate is { } measured ? [.. cells, Text($"{measured:0.00}")] : cells);
        }

        terminal.Result(all);
        terminal.People.Write(table);
        terminal.Line("'./ganymede presets NAME' shows every key; 'train --set key=value' overrides one.");
    }

    private static void ShowOne(Terminal terminal, Preset preset, bool measure)
    {
        var (figures, rate) = FiguresOf(terminal, preset, measure);
        terminal.Result(JsonNode.Parse(preset.ToJson())!); // the preset and nothing else: it can be saved and given to --preset
        var table = new Table().Border(TableBorder.Simple).AddColumns("key", "value", "may be");
        foreach (var key in PresetKeys.All)
            table.AddRow(Markup.Escape(key.Name), Markup.Escape(key.ValueIn(preset)), Markup.Escape(key.Allowed));
        terminal.People.Write(table);
        terminal.Line(Text($"{figures.GeneratorParameters:N0} parameters of the generator, {figures.DiscriminatorParameters:N0} of the discriminator; ")
            + Text($"{figures.GflopPerStep:0.0} GFLOP and {figures.GradientBytesPerStep / 1e6:0.0} MB of gradients a step")
            + (rate is { } measured ? Text($"; {measured:0.00} steps/s here on one thread") : ""));
    }

    private static (PresetFigures Figures, double? StepsPerSecond) FiguresOf(Terminal terminal, Preset preset, bool measure)
    {
        if (!measure)
            return (PresetFigures.Of(preset), null);
        terminal.Line($"measuring {preset.Name} …");
        return (PresetFigures.Of(preset), PresetRate.StepsPerSecond(preset, steps: 3, threads: 1));
    }

    /// <summary>The preset's own keys, and beside them what it costs.</summary>
    private static JsonObject WithFigures(Preset preset, PresetFigures figures, double? rate)
    {
        var json = JsonNode.Parse(preset.ToJson())!.AsObject();
        json["figures"] = new JsonObject
        {
            ["generatorParameters"] = figures.GeneratorParameters,
            ["discriminatorParameters"] = figures.DiscriminatorParameters,
            ["gflopPerStep"] = figures.GflopPerStep,
            ["gradientBytesPerStep"] = figures.GradientBytesPerStep,
            ["stepsPerSecond"] = rate,
        };
        return json;
    }

    private static string ClassOf(Preset preset) =>
        preset.DiscriminatorKnowsClasses ? PresetKeys.All.Single(key => key.Name == "discriminator.conditioning").ValueIn(preset) : "no";

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
