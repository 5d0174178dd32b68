using Ganymede.Datasets;
using TorchSharp;
using static TorchSharp.torch;

namespace Ganymede.Training;

/// <summary>
/// DiffAugment's cutout (DeVries and Taylor, 2017; Zhao et al., 2020): a square of each image, its centre anywhere, becomes background. The paper's
/// is grey; background is what <see cref="Translation"/> brings in, too, and no other image shows a hole of it by chance alone.
/// </summary>
public sealed class Cutout : IDisposable
{
    /// <summary>No hole.</summary>
    public static readonly (int Top, int Left) None = (int.MaxValue / 2, int.MaxValue / 2);

    private readonly Tensor _background; // 1 C 1 1, in -1..1
    private readonly int _size;
    private readonly int _side;

    /// <param name="ratio">Side of the hole as a part of the image's, 0..1 (0.5 in the paper); 0 leaves images as they are.</param>
    /// <param name="size">H = W.</param>
    /// <param name="background">[C], uint8 pixel values.</param>
    public Cutout(double ratio, int size, ReadOnlySpan<byte> background, ScalarType precision, Device device)
    {
        (_size, _side) = (size, (int)(ratio * size + 0.5));
        using var scope = NewDisposeScope();
        _background = tensor(background.ToArray().Select(PixelScale.ToUnit).ToArray(), dtype: precision, device: device)
            .view(1, -1, 1, 1).DetachFromDisposeScope();
    }

    /// <summary>Side of the hole in pixels.</summary>
    public int Side => _side;

    /// <summary>The first pixel of each image's hole, which may lie outside: the centre is uniform over the image.</summary>
    public (int Top, int Left)[] Draw(CounterRandom random, int count)
    {
        var holes = new (int, int)[count];
        for (var image = 0; image < count; image++)
        {
            holes[image] = (random.NextInt(_size + 1 - _side % 2) - _side / 2, random.NextInt(_size + 1 - _side % 2) - _side / 2);
        }

        return holes;
    }

    /// <param name="images">[B, C, H, W], in -1..1.</param>
    /// <param name="holes">[B].</param>
    /// <returns>[B, C, H, W]; no gradient passes a hole.</returns>
    public Tensor Apply(Tensor images, IReadOnlyList<(int Top, int Left)> holes)
    {
        using var scope = NewDisposeScope();
        var mask = zeros(images.shape[0], 1, _size, _size, dtype: ScalarType.Bool);
        var cells = TensorBytes.Elements<bool>(mask);
        for (var image = 0; image < holes.Count; image++)
        {
            for (var y = Math.Max(0, holes[image].Top); y < Math.Min(_size, holes[image].Top + _side); y++)
            {
                for (var x = Math.Max(0, holes[image].Left); x < Math.Min(_size, holes[image].Left + _side); x++)
                {
                    cells[(image * _size + y) * _size + x] = true;
                }
            }
        }

        return where(mask.to(images.device), _background, images).MoveToOuterDisposeScope();
    }

    public void Dispose() => _background.Dispose();
}
