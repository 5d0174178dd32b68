using Ganymede.Datasets;
using static TorchSharp.torch;

namespace Ganymede.Training.Metrics;

/// <summary>Images of a pack as a classifier reads them.</summary>
internal static class ImageBatch
{
    /// <summary>Largest shift, as a part of the size.</summary>
    private const int ReachDivisor = 16;

    private static readonly float[] _units = [.. Enumerable.Range(0, 256).Select(pixel => (float)PixelScale.ToUnit((byte)pixel))];

    /// <param name="pack">Where the images are.</param>
    /// <param name="indices">[B], which.</param>
    /// <param name="shifts">Moves each image down and across by chance, the background coming in from outside; null leaves them as they are.</param>
    /// <returns>[B, C, H, W], float32, -1..1.</returns>
    public static Tensor Of(ImagePack pack, IReadOnlyList<int> indices, CounterRandom? shifts = null)
    {
        var (channels, height, width) = (pack.Channels, pack.Height, pack.Width);
        var batch = empty([indices.Count, channels, height, width], dtype: ScalarType.Float32);
        var values = TensorBytes.Elements<float>(batch);
        var reach = shifts is null ? 0 : height / ReachDivisor;
        for (var image = 0; image < indices.Count; image++)
        {
            var source = pack.Image(indices[image]);
            var (down, right) = reach == 0 ? (0, 0) : (shifts!.NextInt(2 * reach + 1) - reach, shifts.NextInt(2 * reach + 1) - reach);
            for (var channel = 0; channel < channels; channel++)
            {
                var (plane, outside) = (channel * height * width, _units[pack.Background[channel]]);
                var target = values.Slice((image * channels + channel) * height * width, height * width);
                for (var y = 0; y < height; y++)
                {
                    var fromY = y - down;
                    for (var x = 0; x < width; x++)
                    {
                        var fromX = x - right;
                        target[y * width + x] = (uint)fromY < (uint)height && (uint)fromX < (uint)width ? _units[source[plane + fromY * width + fromX]] : outside;
                    }
                }
            }
        }

        return batch;
    }
}
