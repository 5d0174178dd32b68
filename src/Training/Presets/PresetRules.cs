using System.Numerics;

namespace Ganymede.Training;

/// <summary>What the settings of a preset must satisfy together; each one's own range is in <see cref="PresetKeys"/>.</summary>
internal static class PresetRules
{
    private const int ArticleSize = 64, ArticleHalvings = 5, FirstMap = 4;

    /// <summary>Every broken rule, as a sentence that names keys and values.</summary>
    public static IEnumerable<string> Broken(Preset preset) => [.. Sizes(preset), .. Sharding(preset), .. Networks(preset)];

    private static IEnumerable<string> Sizes(Preset p)
    {
        if (!BitOperations.IsPow2(p.Size))
            yield return $"size is {p.Size}, allowed: 16, 32, 64, 128";
        if (p.Channels is not (1 or 3))
            yield return $"channels is {p.Channels}, allowed: 1 (grey), 3 (RGB)";
    }

    private static IEnumerable<string> Sharding(Preset p)
    {
        if (!BitOperations.IsPow2(p.Shards))
            yield return $"shards is {p.Shards}, which is not a power of two";
        if (p.Batch % p.Shards != 0)
            yield return $"batch {p.Batch} is not divisible by shards {p.Shards}";
        else if (p.UsesBatchNorm && p.SamplesPerShard < 2)
            yield return $"batch {p.Batch} over shards {p.Shards} leaves one image a shard, and batch norm needs two "
                + "(or generator.norm=none and discriminator.norm=none)";
    }

    private static IEnumerable<string> Networks(Preset p)
    {
        var (generator, discriminator) = (p.Generator, p.Discriminator);
        if (generator.Norm == NormKind.ConditionalBatch && !p.Conditional)
            yield return "generator.norm is conditional-batch, which needs conditional=true";

        if (generator.Architecture == GeneratorArchitecture.Article)
        {
            if (p.Size != ArticleSize)
                yield return $"size is {p.Size}, but generator.architecture article draws {ArticleSize}x{ArticleSize} only";
            if (p.Conditional)
                yield return "conditional is true, but generator.architecture article takes no class";
        }

        // The width is halved once for each doubling of 4 pixels to the size; article's last map has width / 8.
        var halvings = generator.Architecture == GeneratorArchitecture.Article ? 3 : BitOperations.Log2((uint)(p.Size / FirstMap));
        if (BitOperations.IsPow2(p.Size) && generator.Width % (1 << halvings) != 0)
            yield return $"generator.width is {generator.Width}, and must be a multiple of {1 << halvings} for size {p.Size}";

        if (discriminator.Architecture == DiscriminatorArchitecture.Article)
        {
            if (p.Size != ArticleSize)
                yield return $"size is {p.Size}, but discriminator.architecture article takes {ArticleSize}x{ArticleSize} only";
            if (p.Conditional)
                yield return "conditional is true, but discriminator.architecture article takes no class";
            if (discriminator.Width % (1 << ArticleHalvings) != 0)
                yield return $"discriminator.width is {discriminator.Width}, and must be a multiple of {1 << ArticleHalvings} "
                    + "for architecture article";
        }
    }
}
