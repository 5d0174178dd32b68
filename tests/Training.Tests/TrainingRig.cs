using System.Runtime.InteropServices;
using Ganymede.Datasets;
using Ganymede.Training;

namespace Ganymede.Tests;

/// <summary>
/// What the training tests share: a small set, and the sum over shards along the canonical tree, written out once more.
/// </summary>
internal static class TrainingRig
{
    public const ulong Seed = 21;

    /// <summary>Images with a bright square whose place tells the class, on a dim noisy ground; background 16.</summary>
    public static ImagePack Pack(int size, int channels, int count = 60, int classes = 3)
    {
        var random = new CounterRandom(seed: 77, step: 0, shard: 0, RandomPurpose.Split);
        var labels = Enumerable.Range(0, count).Select(index => index % classes).ToArray();
        var pixels = new byte[count * channels * size * size];
        for (var index = 0; index < pixels.Length; index++)
        {
            var (x, y, image) = (index % size, index / size % size, index / (size * size * channels));
            var corner = (1 + labels[image]) * size / (classes + 2);
            var inside = x >= corner && x < corner + size / 4 && y >= corner && y < corner + size / 4;
            var border = x == 0 || y == 0 || x == size - 1 || y == size - 1;
            pixels[index] = border ? (byte)16 : (byte)(random.NextInt(40) + (inside ? 200 : 0));
        }

        return new ImagePack(channels, size, size, [.. Enumerable.Range(0, classes).Select(index => $"class{index}")], labels, pixels);
    }

    public static ImagePack PackFor(Preset preset) => Pack(preset.Size, preset.Channels);

    /// <summary>Preset cgan-32 made small enough for many steps in a test.</summary>
    public static Preset Small(params string[] overrides) => Preset.Load("cgan-32",
        ["size=16", "batch=16", "shards=4", "generator.width=16", "generator.noise=8", "discriminator.width=8", .. overrides]);

    /// <summary>One whole step on one replica, its shards computed in the order given.</summary>
    public static (PhaseReport Discriminator, PhaseReport Generator) Step(Replica replica, Preset preset, long step, IEnumerable<int>? order = null)
    {
        var shards = (order ?? Enumerable.Range(0, preset.Shards)).ToList();
        PhaseReport first = null!;
        for (var update = 0; update < preset.CriticSteps; update++)
        {
            replica.BeginStep(step);
            first = replica.Apply(Phase.Discriminator, step, Sum(replica, Phase.Discriminator, step, shards));
        }

        return (first, replica.Apply(Phase.Generator, step, Sum(replica, Phase.Generator, step, shards)));
    }

    /// <summary>
    /// One whole step of several replicas with a contiguous range of shards each: every one is applied the sum over all of them, after it has
    /// worked ahead where a member would. Their number must divide the shards'.
    /// </summary>
    /// <returns>What all of them report, the last of D and that of G.</returns>
    public static (PhaseReport Discriminator, PhaseReport Generator) StepTogether(IReadOnlyList<Replica> members, Preset preset, long step)
    {
        PhaseReport discriminator = null!, generator = null!;
        var owned = preset.Shards / members.Count;
        foreach (var phase in preset.Phases)
        {
            var sum = TreeSum([.. Enumerable.Range(0, preset.Shards).Select(shard =>
            {
                var member = members[shard / owned];
                if (phase == Phase.Discriminator)
                {
                    member.BeginStep(step);
                }

                return Compute(member, phase, step, shard);
            })], members[0].ElementSize);
            foreach (var (index, member) in members.Index())
            {
                if (phase == Phase.Generator)
                {
                    member.WorkAhead(step + 1, index * owned);
                }

                var report = member.Apply(phase, step, sum);
                (discriminator, generator) = phase == Phase.Discriminator ? (report, generator) : (discriminator, report);
            }
        }

        return (discriminator, generator);
    }

    public static void Run(Replica replica, Preset preset, long from, long to)
    {
        for (var step = from; step < to; step++)
        {
            Step(replica, preset, step);
        }
    }

    public static byte[] Compute(Replica replica, Phase phase, long step, int shard)
    {
        var buffer = new byte[replica.Elements(phase) * replica.ElementSize];
        replica.ComputeShard(phase, step, shard, buffer);
        return buffer;
    }

    /// <summary>node(level, index) = node(level - 1, 2 index) + node(level - 1, 2 index + 1), until one is left.</summary>
    public static byte[] TreeSum(IReadOnlyList<byte[]> shards, int elementSize)
    {
        var level = shards.ToList();
        while (level.Count > 1)
        {
            level = [.. level.Chunk(2).Select(pair => Add(pair[0], pair[1], elementSize))];
        }

        return level[0];
    }

    private static byte[] Sum(Replica replica, Phase phase, long step, List<int> order)
    {
        var buffers = order.ToDictionary(shard => shard, shard => Compute(replica, phase, step, shard));
        return TreeSum([.. Enumerable.Range(0, buffers.Count).Select(shard => buffers[shard])], replica.ElementSize);
    }

    private static byte[] Add(byte[] left, byte[] right, int elementSize) => elementSize == sizeof(float)
        ? Add<float>(left, right)
        : Add<double>(left, right);

    private static byte[] Add<T>(byte[] left, byte[] right) where T : unmanaged, System.Numerics.INumber<T>
    {
        var sum = left.ToArray();
        var total = MemoryMarshal.Cast<byte, T>(sum.AsSpan());
        var addend = MemoryMarshal.Cast<byte, T>(right.AsSpan());
        for (var index = 0; index < total.Length; index++)
        {
            total[index] += addend[index];
        }

        return sum;
    }
}
