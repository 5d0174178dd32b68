using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Numerics;

namespace Ganymede.Cli;

/// <summary>Options whose complaints name the option, the value and what was expected.</summary>
internal static class OptionKinds
{
    /// <summary>A whole number in a range. Without a default it is optional, and null when not given.</summary>
    public static Option<T?> Whole<T>(string name, string unit, string description, T least, T most, T? byDefault = null)
        where T : struct, IBinaryInteger<T> => new(name)
    {
        HelpName = unit,
        Description = description,
        DefaultValueFactory = byDefault is null ? null! : _ => byDefault,
        CustomParser = result =>
        {
            var text = result.Tokens.Count == 1 ? result.Tokens[0].Value : "";
            if (T.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value) && value >= least && value <= most)
                return value;
            result.AddError(string.Create(CultureInfo.InvariantCulture, $"{name} {text}: a whole number from {least:N0} to {most:N0} is expected."));
            return null;
        },
    };

    /// <summary>Whole numbers in a range, with commas between them.</summary>
    public static Option<int[]> Wholes(string name, string unit, string description, int least, int most, string byDefault) => new(name)
    {
        HelpName = unit,
        Description = $"{description} [default: {byDefault}]",
        DefaultValueFactory = _ => Parse(byDefault, least, most)!,
        CustomParser = result =>
        {
            var text = result.Tokens.Count == 1 ? result.Tokens[0].Value : "";
            if (Parse(text, least, most) is { } values)
                return values;
            result.AddError(string.Create(CultureInfo.InvariantCulture, $"{name} {text}: whole numbers from {least:N0} to {most:N0} with commas between them are expected."));
            return [];
        },
    };

    private static int[]? Parse(string text, int least, int most)
    {
        var values = new List<int>();
        foreach (var part in text.Split(','))
        {
            if (!int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out var value) || value < least || value > most)
                return null;
            values.Add(value);
        }

        return [.. values];
    }

    /// <summary>A number in a range.</summary>
    public static Option<double> Number(string name, string unit, string description, double least, double most, double byDefault) => new(name)
    {
        HelpName = unit,
        Description = description,
        DefaultValueFactory = _ => byDefault,
        CustomParser = result =>
        {
            var text = result.Tokens.Count == 1 ? result.Tokens[0].Value : "";
            if (double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && value >= least && value <= most)
                return value;
            result.AddError(string.Create(CultureInfo.InvariantCulture, $"{name} {text}: a number from {least} to {most} is expected."));
            return 0;
        },
    };

    /// <summary>A length of time such as <c>90s</c>, <c>30m</c> or <c>2h</c>.</summary>
    public static Option<TimeSpan> Duration(string name, string description, TimeSpan least, TimeSpan most, string byDefault) => new(name)
    {
        HelpName = "time",
        Description = $"{description} [default: {byDefault}]",
        DefaultValueFactory = _ => ParseDuration(byDefault)!.Value,
        CustomParser = result =>
        {
            var text = result.Tokens.Count == 1 ? result.Tokens[0].Value : "";
            if (ParseDuration(text) is { } length && length >= least && length <= most)
                return length;
            result.AddError(string.Create(CultureInfo.InvariantCulture, $"{name} {text}: a time such as 90s, 30m or 2h is expected, from {least.TotalSeconds:0} s to {most.TotalHours:0} h."));
            return default;
        },
    };

    private static TimeSpan? ParseDuration(string text) =>
        text.Length > 1 && text[^1] is 's' or 'm' or 'h' && double.TryParse(text[..^1], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number) && number <= 1e6
            ? text[^1] switch { 's' => TimeSpan.FromSeconds(number), 'm' => TimeSpan.FromMinutes(number), _ => TimeSpan.FromHours(number) }
            : null;

    /// <summary>Any text but none: an empty one is most often a shell's variable that was not set.</summary>
    public static Option<string?> Text(string name, string unit, string description, string? byDefault = null) => new(name)
    {
        HelpName = unit,
        Description = description,
        DefaultValueFactory = byDefault is null ? null! : _ => byDefault,
        CustomParser = result =>
        {
            var text = result.Tokens.Count == 1 ? result.Tokens[0].Value : "";
            if (text.Length == 0)
                result.AddError($"{name}: is empty; {unit} is expected.");
            return text;
        },
    };

    public static Option<string[]> Repeatable(string name, string unit, string description) => new(name)
    {
        HelpName = unit,
        Description = description + " May be given several times.",
        Arity = ArgumentArity.OneOrMore,
        AllowMultipleArgumentsPerToken = false,
        DefaultValueFactory = _ => [],
    };

    public static Option<bool> Switch(string name, string description) => new(name) { Description = description };

    /// <summary>True when the user wrote the option, rather than its default standing in.</summary>
    public static bool Given(this ParseResult parsed, Option option) => parsed.GetResult(option) is { Implicit: false };
}
