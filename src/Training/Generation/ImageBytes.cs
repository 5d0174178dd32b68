using TorchSharp;
using static TorchSharp.torch;

namespace Ganymede.Training;

internal static class ImageBytes
{
    private static readonly Scalar HalfRange = 127.5;
    private static readonly Scalar Largest = 255.0;

    /// <summary>Images [B, C, H, W] in -1..1 as pixels by the rule of <see cref="PixelScale.ToPixel"/>, row-major.</summary>
    public static byte[] From(Tensor images)
    {
        using var scope = NewDisposeScope();
        using var constant = no_grad();
        // In doubles, so that halves round up whatever the network's precision; not a number becomes 0, as -1 does.
        return images.to(ScalarType.Float64).nan_to_num(-1).add_(Scalars.One, Scalars.One).mul_(HalfRange).add_(Scalars.Half, Scalars.One)
            .floor_().clamp_(Scalars.Zero, Largest)
            .to(ScalarType.Byte).cpu().contiguous().bytes.ToArray();
    }

    /// <summary>What a generator in evaluation mode draws for noise [B, Z] and labels [B], as pixels [B, C, H, W].</summary>
    public static byte[] Draw(GeneratorNetwork generator, double[] noise, long[] labels, ScalarType type, Device device)
    {
        using var scope = NewDisposeScope();
        using var constant = no_grad();
        var input = tensor(noise, dtype: type, device: device).view(labels.Length, -1);
        return From(generator.forward(input, tensor(labels, device: device)));
    }
}
