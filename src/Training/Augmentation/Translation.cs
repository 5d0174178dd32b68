using System.Runtime.CompilerServices;
using Ganymede.Datasets;
using TorchSharp;
using static TorchSharp.torch;

namespace Ganymede.Training;

/// <summary>
/// Differentiable augmentation by translation (DiffAugment; Zhao, Liu, Lin, Zhu and Han, 2020): each image is moved by
/// whole pixels, and what comes in from outside is background. Applied alike to real and generated images, it keeps D
/// from learning a small set by heart.
/// </summary>
public sealed class Translation : IDisposable
{
    private readonly Tensor _background; // 1 C 1, in -1..1
    private readonly int _reach;

    /// <param name="ratio">Largest shift as a part of the image's size, 0..1 (0.125 in the paper); 0 leaves images as they are.</param>
    /// <param name="size">H = W.</param>
    /// <param name="background">[C], uint8 pixel values.</param>
    /// <param name="precision">Element type of the images.</param>
    /// <param name="device">Where the images are.</param>
    public Translation(double ratio, int size, ReadOnlySpan<byte> background, ScalarType precision, Device device)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(ratio);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(ratio, 1);
        _reach = (int)(ratio * size + 0.5);
        var values = new double[background.Length];
        for (var channel = 0; channel < values.Length; channel++)
        {
            values[channel] = PixelScale.ToUnit(background[channel]);
        }

        using var scope = NewDisposeScope();
        _background = tensor(values, dtype: precision, device: device).view(1, -1, 1).DetachFromDisposeScope();
    }

    /// <summary>Largest shift in pixels, either way, down and across.</summary>
    public int Reach => _reach;

    /// <summary>
    /// One shift for each of <paramref name="count"/> images, uniform in -reach..reach: read once an image, so the
    /// stream's order is fixed.
    /// </summary>
    public (int Down, int Right)[] Draw(CounterRandom random, int count)
    {
        var shifts = new (int Down, int Right)[count];
        for (var image = 0; image < count; image++)
        {
            shifts[image] = (random.NextInt(2 * _reach + 1) - _reach, random.NextInt(2 * _reach + 1) - _reach);
        }

        return shifts;
    }

    /// <param name="images">[B, C, H, W], in -1..1.</param>
    /// <param name="shifts">[B]; pixel (y, x) of the result is pixel (y - down, x - right) of the image.</param>
    /// <returns>[B, C, H, W], differentiable through the images.</returns>
    public Tensor Apply(Tensor images, IReadOnlyList<(int Down, int Right)> shifts)
    {
        if (_reach == 0)
        {
            return images.alias();
        }

        using var scope = NewDisposeScope();
        var (batch, channels, height, width) = (images.shape[0], images.shape[1], (int)images.shape[2], (int)images.shape[3]);
        var (source, inside) = (empty(batch, 1, height * width, dtype: ScalarType.Int64), empty(batch, 1, height * width, dtype: ScalarType.Bool));
        var sources = TensorBytes.Elements<long>(source);
        var insides = TensorBytes.Elements<bool>(inside);
        for (var image = 0; image < batch; image++)
        {
            FillPlan(shifts[image], height, width, sources[(image * height * width)..], insides[(image * height * width)..]);
        }

        var index = source.to(images.device).expand(batch, channels, height * width);
        var keep = inside.to(images.device);
        var moved = images.flatten(2).gather(2, index);                       // B C H*W
        return where(keep, moved, _background).view(images.shape).MoveToOuterDisposeScope();
    }

    public void Dispose() => _background.Dispose();

    // Pixels from outside read pixel 0 and are masked: where() passes no gradient to them.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)] // hot from its first call
    private static void FillPlan((int Down, int Right) shift, int height, int width, Span<long> source, Span<bool> inside)
    {
        for (var y = 0; y < height; y++)
        {
            for (var x = 0; x < width; x++)
            {
                var (fromY, fromX) = (y - shift.Down, x - shift.Right);
                var within = (uint)fromY < (uint)height && (uint)fromX < (uint)width;
                inside[y * width + x] = within;
                source[y * width + x] = within ? fromY * width + fromX : 0;
            }
        }
    }
}
