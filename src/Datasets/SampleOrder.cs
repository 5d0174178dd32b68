namespace Ganymede.Datasets;

/// <summary>
/// The order in which the samples of a set are used: an endless sequence in which every sample comes once an epoch, each
/// epoch in another order. A pure function of (seed, epoch), so members agree without a message. Safe for several threads.
/// </summary>
public sealed class SampleOrder
{
    private readonly Lock _gate = new();
    private readonly ulong _seed;

    // A mini-batch may straddle two epochs, so the last two permutations are kept.
    private (long Epoch, int[] Permutation) _newer = (-1, []), _older = (-1, []);

    /// <param name="sampleCount">Samples in the set (N), at least one.</param>
    /// <param name="seed">The run's seed.</param>
    public SampleOrder(int sampleCount, ulong seed)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(sampleCount);
        (SampleCount, _seed) = (sampleCount, seed);
    }

    /// <summary>Samples an epoch.</summary>
    public int SampleCount { get; }

    /// <summary>Which image of the set, 0..N-1, is used at position <paramref name="sample"/> (from 0) of the sequence.</summary>
    public int IndexOf(long sample)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(sample);
        var (epoch, position) = Math.DivRem(sample, SampleCount);
        return PermutationOf(epoch)[position];
    }

    private int[] PermutationOf(long epoch)
    {
        lock (_gate)
        {
            if (_newer.Epoch == epoch)
            {
                return _newer.Permutation;
            }

            var wanted = _older.Epoch == epoch ? _older : (epoch, Shuffled(epoch));
            (_older, _newer) = (_newer, wanted);
            return _newer.Permutation;
        }
    }

    // Fisher and Yates (Durstenfeld, 1964).
    private int[] Shuffled(long epoch)
    {
        var random = new CounterRandom(_seed, (ulong)epoch, shard: 0, RandomPurpose.RealOrder);
        var order = new int[SampleCount];
        for (var i = 0; i < order.Length; i++)
        {
            var j = random.NextInt(i + 1);
            order[i] = order[j];
            order[j] = i;
        }

        return order;
    }
}
