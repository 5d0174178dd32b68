using Ganymede.Datasets;

namespace Ganymede.Training;

public sealed partial class Replica
{
    /// <summary>Rows of the grid of samples.</summary>
    public const int GridRows = 8;

    /// <summary>Columns when there is no class to give each its own.</summary>
    public const int GridColumnsWithoutClasses = 8;

    /// <summary>Of a set with more classes, the grid shows the first ones.</summary>
    public const int GridColumnsLimit = 32;

    /// <summary>
    /// Samples of the moving average from noise that is the same at every step, in evaluation mode: in rows, one class
    /// a column if the preset is conditional. Changes nothing, so any member may draw it at any time.
    /// </summary>
    /// <param name="count">Number of images: rows times columns.</param>
    /// <param name="columns">Images a row.</param>
    /// <returns>[count, C, H, W], uint8, row by row.</returns>
    public byte[] DrawGrid(out int count, out int columns)
    {
        _threads.Enter();
        columns = _preset.Conditional ? Math.Min(_data.Classes.Count, GridColumnsLimit) : GridColumnsWithoutClasses;
        count = GridRows * columns;
        var labels = new long[count];
        var noise = new double[count * _preset.Generator.Noise];
        for (var image = 0; image < count; image++)
        {
            labels[image] = _preset.Conditional ? image % columns : 0;
            new CounterRandom(_seed, (ulong)image, shard: 0, RandomPurpose.Grid)
                .FillNormal(noise.AsSpan(image * _preset.Generator.Noise, _preset.Generator.Noise));
        }

        // In batches no larger than a shard's, so that a grid needs no more memory than a step.
        var pixels = new byte[count * _preset.Channels * _preset.Size * _preset.Size];
        for (var first = 0; first < count; first += _preset.SamplesPerShard)
        {
            var end = Math.Min(count, first + _preset.SamplesPerShard);
            var length = _preset.Generator.Noise;
            ImageBytes.Draw(_average.Network, noise[(first * length)..(end * length)], labels[first..end], _generator.Type, _device)
                .CopyTo(pixels, pixels.Length / count * first);
        }

        return pixels;
    }
}
