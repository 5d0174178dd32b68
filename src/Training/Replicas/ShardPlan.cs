using Ganymede.Datasets;
using TorchSharp;
using static TorchSharp.torch;

namespace Ganymede.Training;

/// <summary>
/// What a shard of a step works on, as a pure function of (seed, step, shard): its real images, and all that is drawn
/// by chance. Every member can make every shard's share, so no message tells it.
/// </summary>
public sealed class ShardPlan
{
    private static readonly Scalar HalfRange = 127.5;

    private readonly Preset _preset;
    private readonly ImagePack _data;
    private readonly ulong _seed;
    private readonly SampleOrder _order;
    private readonly ScalarType _type;
    private readonly Device _device;

    /// <exception cref="BadDataException">The images are not of the preset's size or channels.</exception>
    public ShardPlan(Preset preset, ImagePack data, ulong seed, Device device)
    {
        if (data.Height != preset.Size || data.Width != preset.Size || data.Channels != preset.Channels)
        {
            throw new BadDataException($"the data is {data.Channels} x {data.Height} x {data.Width}, but preset {preset.Name} needs "
                + $"{preset.Channels} x {preset.Size} x {preset.Size}");
        }

        (_preset, _data, _seed, _device) = (preset, data, seed, device);
        _order = new(data.Count, seed);
        _type = NetworkFactory.ScalarTypeOf(preset.Precision);
    }

    /// <summary>Images a shard: b = B / V.</summary>
    public int Samples => _preset.SamplesPerShard;

    /// <summary>Elements of a shard's images: b C H W.</summary>
    public long ImageElements => (long)Samples * _data.ImageBytes;

    /// <summary>
    /// D's update r (from 0; step t has the updates t c to (t + 1) c - 1, c the preset's criticSteps) uses positions r B to (r + 1) B - 1 of
    /// the sample order; shard s the s-th b of them. Images [b, C, H, W] in -1..1 and labels [b]. The caller owns both.
    /// </summary>
    public (Tensor Images, Tensor Labels) Real(long update, int shard) =>
        Images(Samples, sample => _order.IndexOf(update * _preset.Batch + (long)shard * Samples + sample));

    /// <summary>
    /// The images [R, C, H, W] and labels [R] of virtual batch norm's reference batch: chosen from the data at random, by the
    /// seed. The caller owns both.
    /// </summary>
    public (Tensor Images, Tensor Labels) Reference()
    {
        var random = new CounterRandom(_seed, step: 1, shard: 0, RandomPurpose.ReferenceBatch);
        return Images(_preset.Technique.ReferenceBatch, _ => random.NextInt(_data.Count));
    }

    /// <summary>Images [count, C, H, W] and labels [count] of the data by their places in it. The caller owns both.</summary>
    public (Tensor Images, Tensor Labels) At(IReadOnlyList<int> indices) => Images(indices.Count, sample => indices[sample]);

    private (Tensor Images, Tensor Labels) Images(int count, Func<int, int> indexOf)
    {
        using var scope = NewDisposeScope();
        var imageBytes = _data.ImageBytes;
        var (hostPixels, hostLabels) = (empty((long)count * imageBytes, dtype: ScalarType.Byte), empty(count, dtype: ScalarType.Int64));
        var pixels = hostPixels.bytes;
        var labels = TensorBytes.Elements<long>(hostLabels);
        for (var sample = 0; sample < count; sample++)
        {
            var index = indexOf(sample);
            _data.Image(index).CopyTo(pixels[(sample * imageBytes)..]);
            labels[sample] = _data.Labels[index];
        }

        var images = hostPixels.to(_device).to(_type).div_(HalfRange).sub_(Scalars.One)
            .view(count, _data.Channels, _data.Height, _data.Width);
        return (images.MoveToOuterDisposeScope(), hostLabels.to(_device).MoveToOuterDisposeScope());
    }

    /// <summary>
    /// What G draws a shard's images from, for D's update and, if it is a step's last one, for G's: noise [b, Z] from N(0, 1), and labels [b] as
    /// frequent as the data's. The caller owns both.
    /// </summary>
    public (Tensor Noise, Tensor Labels) Imagined(long update, int shard)
    {
        using var scope = NewDisposeScope();
        var (hostNoise, hostLabels) = (empty(Samples, _preset.Generator.Noise, dtype: ScalarType.Float64), empty(Samples, dtype: ScalarType.Int64));
        Random(update, shard, RandomPurpose.Noise).FillNormal(TensorBytes.Elements<double>(hostNoise));

        // The label of an image chosen at random is a label chosen by the classes' frequencies, exactly.
        var random = Random(update, shard, RandomPurpose.Labels);
        var labels = TensorBytes.Elements<long>(hostLabels);
        for (var sample = 0; sample < Samples; sample++)
        {
            labels[sample] = _data.Labels[random.NextInt(_data.Count)];
        }

        return (hostNoise.to(_type).to(_device).MoveToOuterDisposeScope(), hostLabels.to(_device).MoveToOuterDisposeScope());
    }

    /// <summary>
    /// The stream of a shard's translation. In phase D the real images' numbers come first, then the generated ones'; in phase G the other way.
    /// </summary>
    /// <param name="index">D's update, or G's step.</param>
    public CounterRandom Augmentation(Phase phase, long index, int shard) =>
        Random(index, shard, phase == Phase.Discriminator ? RandomPurpose.DiscriminatorAugment : RandomPurpose.GeneratorAugment);

    /// <summary>A stream of another augmentation; G's purpose is the number behind D's.</summary>
    internal CounterRandom Random(Phase phase, uint purposeOfDiscriminator, long index, int shard) =>
        Random(index, shard, phase == Phase.Discriminator ? purposeOfDiscriminator : purposeOfDiscriminator + 1);

    internal CounterRandom Random(long index, int shard, uint purpose) => new(_seed, (ulong)index, (uint)shard, purpose);
}
