using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Ganymede.Training;

/// <summary>One setting of a preset: its dotted name, and how its value is read, checked and written.</summary>
public abstract class PresetKey(string name, string allowed)
{
    /// <summary>Dotted path, as in <c>generator.width</c>.</summary>
    public string Name => name;

    /// <summary>What the value may be, in words.</summary>
    public string Allowed => allowed;

    /// <summary>Whether a file may leave the key out; it then keeps the record's default.</summary>
    public bool Optional { get; init; }

    /// <summary>The preset with this setting taken from <paramref name="value"/>.</summary>
    /// <exception cref="PresetException">Wrong type or out of range; names key, value and what is allowed.</exception>
    internal Preset Read(Preset preset, JsonElement value) => TryRead(preset, value) ?? throw Bad(value.GetRawText());

    /// <summary>The same for text from a command line.</summary>
    /// <exception cref="PresetException">As for the other overload.</exception>
    internal Preset Read(Preset preset, string value) => TryRead(preset, value) ?? throw Bad(value);

    internal abstract void Write(Preset preset, Utf8JsonWriter json, string shortName);

    /// <summary>The value as a user would type it.</summary>
    public abstract string ValueIn(Preset preset);

    private protected abstract Preset? TryRead(Preset preset, JsonElement value);
    private protected abstract Preset? TryRead(Preset preset, string value);

    private PresetException Bad(string value) =>
        new($"{Name} is {(value.Length <= 60 ? value : value[..60] + "…").ReplaceLineEndings(" ")}, allowed: {Allowed}");
}

internal sealed partial class TextKey(string name, Func<Preset, string> get, Func<Preset, string, Preset> set)
    : PresetKey(name, "1 to 64 letters, digits, '.', '_' and '-', starting with a letter or digit")
{
    internal override void Write(Preset preset, Utf8JsonWriter json, string shortName) => json.WriteString(shortName, get(preset));
    public override string ValueIn(Preset preset) => get(preset);

    private protected override Preset? TryRead(Preset preset, JsonElement value) =>
        value.ValueKind == JsonValueKind.String ? TryRead(preset, value.GetString()!) : null;

    private protected override Preset? TryRead(Preset preset, string value) => Identifier().IsMatch(value) ? set(preset, value) : null;

    [GeneratedRegex(@"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}\z")]
    private static partial Regex Identifier();
}

internal sealed class IntegerKey(string name, int least, int most, Func<Preset, int> get, Func<Preset, int, Preset> set)
    : PresetKey(name, string.Create(CultureInfo.InvariantCulture, $"{least} to {most}"))
{
    internal override void Write(Preset preset, Utf8JsonWriter json, string shortName) => json.WriteNumber(shortName, get(preset));
    public override string ValueIn(Preset preset) => get(preset).ToString(CultureInfo.InvariantCulture);

    private protected override Preset? TryRead(Preset preset, JsonElement value) =>
        value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var number) ? Checked(preset, number) : null;

    private protected override Preset? TryRead(Preset preset, string value) =>
        int.TryParse(value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? Checked(preset, number) : null;

    private Preset? Checked(Preset preset, int number) => number >= least && number <= most ? set(preset, number) : null;
}

internal sealed class NumberKey(
    string name, string allowed, Func<double, bool> inRange, Func<Preset, double> get, Func<Preset, double, Preset> set)
    : PresetKey(name, allowed)
{
    internal override void Write(Preset preset, Utf8JsonWriter json, string shortName) => json.WriteNumber(shortName, get(preset));
    public override string ValueIn(Preset preset) => get(preset).ToString("R", CultureInfo.InvariantCulture);

    private protected override Preset? TryRead(Preset preset, JsonElement value) =>
        value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out var number) ? Checked(preset, number) : null;

    private protected override Preset? TryRead(Preset preset, string value) =>
        double.TryParse(value, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) ? Checked(preset, number) : null;

    // Adding zero turns -0 into 0, which canonical JSON would spell differently.
    private Preset? Checked(Preset preset, double number) => inRange(number) ? set(preset, number + 0.0) : null;
}

internal sealed class BooleanKey(string name, Func<Preset, bool> get, Func<Preset, bool, Preset> set) : PresetKey(name, "true, false")
{
    internal override void Write(Preset preset, Utf8JsonWriter json, string shortName) => json.WriteBoolean(shortName, get(preset));
    public override string ValueIn(Preset preset) => get(preset) ? "true" : "false";

    private protected override Preset? TryRead(Preset preset, JsonElement value) =>
        value.ValueKind is JsonValueKind.True or JsonValueKind.False ? set(preset, value.GetBoolean()) : null;

    private protected override Preset? TryRead(Preset preset, string value) =>
        value is "true" or "false" ? set(preset, value == "true") : null;
}

internal sealed class ChoiceKey<T>(string name, (string Text, T Value)[] choices, Func<Preset, T> get, Func<Preset, T, Preset> set)
    : PresetKey(name, string.Join(", ", choices.Select(choice => choice.Text))) where T : struct, Enum
{
    internal override void Write(Preset preset, Utf8JsonWriter json, string shortName) => json.WriteString(shortName, ValueIn(preset));

    public override string ValueIn(Preset preset) =>
        choices.First(choice => EqualityComparer<T>.Default.Equals(choice.Value, get(preset))).Text;

    private protected override Preset? TryRead(Preset preset, JsonElement value) =>
        value.ValueKind == JsonValueKind.String ? TryRead(preset, value.GetString()!) : null;

    private protected override Preset? TryRead(Preset preset, string value)
    {
        foreach (var choice in choices)
            if (choice.Text == value)
                return set(preset, choice.Value);
        return null;
    }
}
