using System.Globalization;
using Ganymede.Datasets;
using Ganymede.Training;

namespace Ganymede.Cli;

/// <summary>A preset's key that a search turns, and the values it may take.</summary>
/// <param name="Key">As <c>--set</c> takes it.</param>
internal abstract record Dial(string Key)
{
    private const string Expected = "KEY=LOW..HIGH or KEY=VALUE,VALUE,… is expected";

    /// <summary>Values that bound what may be drawn: if the preset takes these, it takes all.</summary>
    public abstract IReadOnlyList<string> Bounds { get; }

    public abstract string Draw(CounterRandom random);

    /// <exception cref="FormatException">It is neither; says what is expected.</exception>
    public static Dial Parse(string text)
    {
        var at = text.IndexOf('=', StringComparison.Ordinal);
        if (at <= 0 || at == text.Length - 1)
            throw new FormatException(Expected);
        var (key, values) = (text[..at], text[(at + 1)..]);
        var ends = values.Split("..");
        if (ends.Length == 1)
            return values.Split(',', StringSplitOptions.TrimEntries) is { Length: > 1 } choices && choices.All(choice => choice.Length > 0) ? new Choice(key, choices) : throw new FormatException(Expected);
        return ends.Length == 2 && Number(ends[0]) is { } low && Number(ends[1]) is { } high && low < high
            ? new Range(key, low, high)
            : throw new FormatException($"{Expected}, with LOW below HIGH");
    }

    /// <summary>What is most often worth turning: learning rates by a factor of four to each side, the averaged generator's memory, augmentation.</summary>
    public static IReadOnlyList<Dial> UsualOf(Preset preset)
    {
        List<Dial> dials =
        [
            new Range("generatorOptimizer.learningRate", preset.GeneratorOptimizer.LearningRate / 4, preset.GeneratorOptimizer.LearningRate * 4),
            new Range("discriminatorOptimizer.learningRate", preset.DiscriminatorOptimizer.LearningRate / 4, preset.DiscriminatorOptimizer.LearningRate * 4),
        ];
        if (preset.Ema > 0)
            dials.Add(new Choice("ema", ["0.98", "0.99", "0.995", "0.998"]));
        if (preset.Augment.Translation > 0)
            dials.Add(new Choice("augment.translation", ["0", "0.0625", "0.125", "0.25"]));
        return dials;
    }

    private static double? Number(string text) => double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number) ? number : null;

    private static string Text(double value) => value.ToString("G3", CultureInfo.InvariantCulture);

    /// <summary>Uniform in the logarithm where both ends are positive, as factors are what counts then; uniform otherwise.</summary>
    internal sealed record Range(string Key, double Low, double High) : Dial(Key)
    {
        public override IReadOnlyList<string> Bounds => [Text(Low), Text(High)];

        public override string Draw(CounterRandom random)
        {
            var part = random.NextDouble();
            return Text(Low > 0 ? Low * Math.Pow(High / Low, part) : Low + ((High - Low) * part));
        }

        public override string ToString() => $"{Key}={Text(Low)}..{Text(High)}";
    }

    internal sealed record Choice(string Key, IReadOnlyList<string> Values) : Dial(Key)
    {
        public override IReadOnlyList<string> Bounds => Values;

        public override string Draw(CounterRandom random) => Values[random.NextInt(Values.Count)];

        public override string ToString() => $"{Key}={string.Join(",", Values)}";
    }
}
