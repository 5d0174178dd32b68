using Ganymede.Datasets;
using TorchSharp;
using static TorchSharp.torch;

namespace Ganymede.Training;

/// <summary>
/// DiffAugment's colours (Zhao, Liu, Lin, Zhu and Han, 2020), at strength s (1 in the paper), for each image: brightness x + s (u - 1/2); saturation
/// m + (x - m)(1 + s (2 u' - 1)), m the pixel's mean over channels; contrast m + (x - m)(1 + s (u'' - 1/2)), m the image's mean.
/// </summary>
/// <param name="strength">s, 0..1; 0 leaves images as they are.</param>
public sealed class ColorShift(double strength)
{
    /// <summary>What changes no image.</summary>
    public static readonly (double Brightness, double Saturation, double Contrast) None = (0, 1, 1);

    public bool IsOn => strength > 0;

    /// <summary>What each of <paramref name="count"/> images gets: an addend and two factors.</summary>
    public (double Brightness, double Saturation, double Contrast)[] Draw(CounterRandom random, int count)
    {
        var shifts = new (double, double, double)[count];
        for (var image = 0; image < count; image++)
        {
            var brightness = strength * (random.NextDouble() - 0.5);
            var saturation = 1 + strength * (2 * random.NextDouble() - 1);
            shifts[image] = (brightness, saturation, 1 + strength * (random.NextDouble() - 0.5));
        }

        return shifts;
    }

    /// <param name="images">[B, C, H, W], in -1..1.</param>
    /// <param name="shifts">[B].</param>
    /// <returns>[B, C, H, W], differentiable through the images; may leave -1..1.</returns>
    public static Tensor Apply(Tensor images, IReadOnlyList<(double Brightness, double Saturation, double Contrast)> shifts)
    {
        using var scope = NewDisposeScope();
        var bright = images.Plus(Column(shifts.Select(shift => shift.Brightness), images));
        if (images.shape[1] > 1) // a grey pixel is its own mean
            bright = AroundMean(bright, [1], Column(shifts.Select(shift => shift.Saturation), images));
        return AroundMean(bright, [1, 2, 3], Column(shifts.Select(shift => shift.Contrast), images)).MoveToOuterDisposeScope();
    }

    private static Tensor AroundMean(Tensor images, long[] axes, Tensor factor)
    {
        var mean = images.mean(axes, keepdim: true);
        return images.Minus(mean).mul(factor).Plus(mean);
    }

    private static Tensor Column(IEnumerable<double> values, Tensor like) =>
        tensor(values.ToArray(), dtype: like.dtype, device: like.device).view(-1, 1, 1, 1);
}
