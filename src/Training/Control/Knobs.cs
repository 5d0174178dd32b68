using System.Globalization;

namespace Ganymede.Training;

/// <summary>What the controller has changed of the preset so far; part of the run's state.</summary>
/// <param name="Augmentation">Raises of the augmentation.</param>
/// <param name="R1">gamma in force.</param>
/// <param name="DiscriminatorRate">Factor on D's learning rate, above 0 up to 1.</param>
/// <param name="GeneratorRate">Factor on G's.</param>
public sealed record Knobs(int Augmentation, double R1, double DiscriminatorRate, double GeneratorRate)
{
    /// <summary>Raises after which translation and cutout are as strong as they help.</summary>
    public const int MostAugmentation = 2;

    /// <summary>The preset as it is.</summary>
    public static Knobs Of(Preset preset) => new(0, preset.Regularizer.R1, 1, 1);

    /// <summary>The augmentation in force: translation up to the quarter, and cutout up to the half of an image (Zhao et al. 2020), unless the preset has more.</summary>
    /// <param name="raise">The preset's <c>controller.augment</c>.</param>
    public AugmentSettings Augment(AugmentSettings preset, double raise) => Augmentation == 0 ? preset : preset with
    {
        Translation = Math.Max(preset.Translation, Math.Min(0.25, preset.Translation + Augmentation * raise)),
        Cutout = Math.Max(preset.Cutout, Math.Min(0.5, preset.Cutout + 2 * Augmentation * raise)),
    };

    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture, $"augmentation +{Augmentation}, R1 {R1:0.###}, D's rate x {DiscriminatorRate:0.######}, G's x {GeneratorRate:0.######}");
}
