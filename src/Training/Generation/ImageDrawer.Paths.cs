using Ganymede.Datasets;
using TorchSharp;
using static TorchSharp.torch;

namespace Ganymede.Training;

public sealed partial class ImageDrawer
{
    /// <summary>Z.</summary>
    public int NoiseLength => _preset.Generator.Noise;

    /// <summary>Draws images whose noise is given.</summary>
    /// <param name="noise">[B, Z], row-major.</param>
    /// <param name="labels">[B], 0..classes-1.</param>
    /// <returns>[B, C, H, W], uint8.</returns>
    public byte[] Draw(double[] noise, IReadOnlyList<int> labels)
    {
        if (labels.Count == 0 || noise.Length != labels.Count * NoiseLength)
            throw new ArgumentException($"{noise.Length} numbers are no noise for {labels.Count} images of {NoiseLength} each.");
        foreach (var label in labels)
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)label, (uint)Classes.Count, nameof(labels));
        _threads.Enter();
        return ImageBytes.Draw(_generator, noise, [.. labels.Select(label => (long)label)], NetworkFactory.ScalarTypeOf(_preset.Precision), _device);
    }

    /// <summary>The noise of an image of a job, [Z].</summary>
    public double[] Noise(ulong jobSeed, long index)
    {
        var noise = new double[NoiseLength];
        FillNoise(jobSeed, index, noise);
        return noise;
    }

    /// <summary>
    /// A path between two images in the space of noise. Spherical (White, 2016): the points of a straight line would lie nearer to the centre than
    /// noise ever does, and look washed out.
    /// </summary>
    /// <returns>[points, C, H, W], from one end to the other.</returns>
    public byte[] DrawPath(double[] from, double[] to, int label, int points)
    {
        var (a, b) = (Math.Sqrt(from.Sum(x => x * x)), Math.Sqrt(to.Sum(x => x * x)));
        var angle = Math.Acos(Math.Clamp(from.Zip(to, (x, y) => x * y).Sum() / (a * b), -1, 1));
        var noise = Enumerable.Range(0, points).SelectMany(point =>
        {
            var t = points == 1 ? 0 : point / (points - 1.0);
            var (first, second) = angle < 1e-6 ? (1 - t, t) : (Math.Sin((1 - t) * angle) / Math.Sin(angle), Math.Sin(t * angle) / Math.Sin(angle));
            return from.Zip(to, (x, y) => first * x + second * y);
        });
        return Draw([.. noise], [.. Enumerable.Repeat(label, points)]);
    }

    /// <summary>Whether <see cref="DrawClassPath"/> can be used: all that the generator knows of a class is in conditional norms.</summary>
    public bool HasClassPaths => _preset.Conditional && ClassNorms().Any();

    /// <summary>A path between two classes with the same noise: gains and biases of the conditional norms are mixed.</summary>
    /// <returns>[points, C, H, W], from one class to the other.</returns>
    public byte[] DrawClassPath(double[] noise, int from, int to, int points)
    {
        _threads.Enter();
        var path = new List<byte>();
        var rows = ClassNorms().SelectMany(norm => norm.named_parameters()).Select(entry => (Tensor)entry.parameter).ToArray(); // Y F
        using var scope = NewDisposeScope();
        using var constant = no_grad();
        var kept = rows.Select(table => table.select(0, from).clone()).ToArray();
        try
        {
            for (var point = 0; point < points; point++)
            {
                using var share = tensor(points == 1 ? 0 : point / (points - 1.0), dtype: kept[0].dtype);
                for (var i = 0; i < rows.Length; i++)
                    rows[i].select(0, from).copy_(kept[i].lerp(rows[i].select(0, to), share));
                path.AddRange(Draw(noise, [from]));
            }
        }
        finally
        {
            for (var i = 0; i < rows.Length; i++)
                rows[i].select(0, from).copy_(kept[i]);
        }

        return [.. path];
    }

    private static void FillNoise(ulong jobSeed, long index, Span<double> noise) =>
        new CounterRandom(jobSeed, (ulong)index, shard: 0, RandomPurpose.Generation).FillNormal(noise);

    private IEnumerable<ConditionalBatchNorm> ClassNorms() => _generator.modules().OfType<ConditionalBatchNorm>();
}
