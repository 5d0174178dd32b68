using System.Runtime.InteropServices;

namespace Ganymede.Training;

/// <summary>A <see cref="ControllerState"/> as one tensor of numbers, for checkpoints, joiners and the fingerprint. NaN is what there is not.</summary>
internal static class ControllerMemory
{
    public const string Name = "controller.state";

    public static NamedTensor Write(ControllerState state)
    {
        var (knobs, window, signals) = (state.Knobs, state.Window, state.Signals);
        double[] numbers =
        [
            knobs.Augmentation, knobs.R1, knobs.DiscriminatorRate, knobs.GeneratorRate,
            state.Skipped, state.IllWindows, state.HealthyWindows, state.Resting, (double)state.Rung, state.RollBacks, state.IsTreated ? 1 : 0, state.GoodNorm, state.GoodStep,
            signals?.NonFinite ?? double.NaN, signals?.SignRate ?? double.NaN, signals?.Diversity ?? double.NaN, signals?.Classes ?? double.NaN, signals?.GradientNorm ?? double.NaN,
            window.Steps, window.NonFinite, window.SignRate, window.Scatter, window.Freedom, window.GradientNorm, .. window.Drawn,
        ];
        return new(Name, TensorType.F64, [numbers.Length], MemoryMarshal.AsBytes<double>(numbers).ToArray());
    }

    /// <exception cref="CheckpointException">It is missing, or holds what no controller remembers.</exception>
    public static ControllerState Read(IReadOnlyDictionary<string, NamedTensor> tensors)
    {
        if (!tensors.TryGetValue(Name, out var saved) || saved is not { Type: TensorType.F64, Shape.Count: 1 })
        {
            throw new CheckpointException($"tensor {Name} is missing or no row of numbers");
        }

        var numbers = MemoryMarshal.Cast<byte, double>(saved.Data.Span).ToArray();
        var next = 0;
        double Number() => next < numbers.Length ? numbers[next++] : throw Bad("it is too short");
        double Real() => Number() is var number && double.IsFinite(number) ? number : throw Bad($"number {next} is not finite");
        long Count() => Real() is var number && number >= 0 && number == Math.Floor(number) && number < 1L << 53 ? (long)number : throw Bad($"number {next} is no count");
        double Rate() => Real() is var rate && rate is > 0 and <= 1 ? rate : throw Bad($"number {next} is no factor of a rate");
        double? Maybe() => Number() is var number && double.IsNaN(number) ? null : number;

        var knobs = new Knobs((int)Math.Min(Count(), Knobs.MostAugmentation), Real(), Rate(), Rate());
        var state = new ControllerState
        {
            Knobs = knobs,
            Skipped = (int)Count(),
            IllWindows = (int)Count(),
            HealthyWindows = (int)Count(),
            Resting = (int)Count(),
            Rung = Count() is var rung && rung <= (long)ControllerEventKind.Stop ? (ControllerEventKind)rung : throw Bad("there is no such rung"),
            RollBacks = (int)Count(),
            IsTreated = Count() > 0,
            GoodNorm = Real(),
            GoodStep = Count(),
        };
        var (nonFinite, sign, diversity, classes, norm) = (Maybe(), Maybe(), Maybe(), Maybe(), Maybe());
        return state with
        {
            Signals = nonFinite is { } steps ? new(sign, diversity, classes, norm, (int)steps) : null,
            Window = new((int)Count(), (int)Count(), Real(), Real(), Real(), Real(), [.. numbers[next..]]),
        };

        static CheckpointException Bad(string why) => new($"tensor {Name}: {why}");
    }
}
