using Ganymede.Datasets;

namespace Ganymede.Training.Metrics;

/// <summary>Parts of packs, and packs of generated images.</summary>
internal static class Packs
{
    /// <summary>Some of the images, in the order asked for; the background stays the whole set's.</summary>
    public static ImagePack Take(ImagePack pack, IEnumerable<int> indices)
    {
        var chosen = indices.ToArray();
        var pixels = new byte[chosen.Length * pack.ImageBytes];
        for (var i = 0; i < chosen.Length; i++)
            pack.Image(chosen[i]).CopyTo(pixels.AsSpan(i * pack.ImageBytes));
        return Like(pack, [.. chosen.Select(index => pack.Labels[index])], pixels);
    }

    /// <summary>Images of the same kind as a pack's.</summary>
    public static ImagePack Like(ImagePack pack, int[] labels, byte[] pixels) =>
        new(pack.Channels, pack.Height, pack.Width, pack.Classes, labels, pixels, pack.Background);

    /// <summary>All images, in an order that only the seed decides.</summary>
    public static ImagePack Shuffled(ImagePack pack, ulong seed)
    {
        var order = new SampleOrder(pack.Count, seed);
        return Take(pack, Enumerable.Range(0, pack.Count).Select(position => order.IndexOf(position)));
    }

    /// <summary>Every pixel uniform in 0..255: images of which nothing is right.</summary>
    public static ImagePack Noise(ImagePack like, ulong seed)
    {
        var random = new CounterRandom(seed, step: 0, shard: 1, RandomPurpose.Evaluation);
        var pixels = new byte[like.Pixels.Length];
        for (var i = 0; i < pixels.Length; i++)
            pixels[i] = (byte)random.NextUInt32();
        return Like(like, like.Labels, pixels);
    }
}
