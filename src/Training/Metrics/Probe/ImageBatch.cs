using Ganymede.Datasets;
using static TorchSharp.torch;

namespace Ganymede.Training.Metrics;

/// <summary>Images of a pack as a classifier reads them.</summary>
internal static class ImageBatch
{
    private static readonly float[] _units = [.. Enumerable.Range(0, 256).Select(pixel => (float)PixelScale.ToUnit((byte)pixel))];

    /// <param name="pack">Where the images are.</param>
    /// <param name="indices">[B], which.</param>
    /// <returns>[B, C, H, W], float32, -1..1.</returns>
    public static Tensor Of(ImagePack pack, IReadOnlyList<int> indices)
    {
        var batch = empty([indices.Count, pack.Channels, pack.Height, pack.Width], dtype: ScalarType.Float32);
        var values = TensorBytes.Elements<float>(batch);
        for (var image = 0; image < indices.Count; image++)
        {
            var source = pack.Image(indices[image]);
            for (var i = 0; i < source.Length; i++)
                values[image * source.Length + i] = _units[source[i]];
        }

        return batch;
    }
}
