namespace Ganymede.Datasets;

/// <summary>
/// Random numbers as a pure function of (seed, step, shard, purpose): every member of a run draws the numbers of any
/// shard without knowing what others drew. Philox4x32-10 with key = seed and counter = (block, purpose and shard, step);
/// two streams that differ in any argument share no counter, so they never overlap. Not for use by several threads at once.
/// </summary>
public sealed class CounterRandom
{
    /// <summary>Shards are below this: 24 bits of the counter.</summary>
    public const uint ShardLimit = 1 << 24;

    /// <summary>Purposes are below this: 8 bits of the counter.</summary>
    public const uint PurposeLimit = 1 << 8;

    private readonly uint _keyLow, _keyHigh, _stream, _stepLow, _stepHigh;
    private PhiloxBlock _current;
    private ulong _nextBlock;
    private int _used = 4;

    /// <param name="seed">The run's or job's seed.</param>
    /// <param name="step">Step of a run, epoch of an order, or index of an image.</param>
    /// <param name="shard">Virtual shard, below <see cref="ShardLimit"/>.</param>
    /// <param name="purpose">One of <see cref="RandomPurpose"/>, below <see cref="PurposeLimit"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException">Shard or purpose would not fit into the counter.</exception>
    public CounterRandom(ulong seed, ulong step, uint shard, uint purpose)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(shard, ShardLimit);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(purpose, PurposeLimit);
        (_keyLow, _keyHigh) = ((uint)seed, (uint)(seed >> 32));
        (_stepLow, _stepHigh) = ((uint)step, (uint)(step >> 32));
        _stream = (purpose << 24) | shard;
    }

    /// <summary>32 random bits.</summary>
    /// <exception cref="InvalidOperationException">After 2^34 words: the stream is used up.</exception>
    public uint NextUInt32()
    {
        if (_used == 4)
        {
            if (_nextBlock > uint.MaxValue)
            {
                throw new InvalidOperationException("This random stream is used up (2^34 words).");
            }

            _current = Philox.Block(new PhiloxBlock((uint)_nextBlock++, _stream, _stepLow, _stepHigh), _keyLow, _keyHigh);
            _used = 0;
        }

        return _used++ switch
        {
            0 => _current.X0,
            1 => _current.X1,
            2 => _current.X2,
            _ => _current.X3,
        };
    }

    /// <summary>
    /// Uniform in 0..bound-1 without bias: Lemire's multiplication with rejection ("Fast random integer generation in
    /// an interval", 2019). May take more than one word.
    /// </summary>
    public int NextInt(int bound)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(bound);
        var range = (uint)bound;
        var product = (ulong)NextUInt32() * range;
        if ((uint)product < range)
        {
            var rejected = (0u - range) % range; // 2^32 mod range: so many low parts would count once too often
            while ((uint)product < rejected)
            {
                product = (ulong)NextUInt32() * range;
            }
        }

        return (int)(product >> 32);
    }

    /// <summary>Uniform in [0, 1), a multiple of 2^-53; takes two words.</summary>
    public double NextDouble()
    {
        ulong high = NextUInt32() >> 5, low = NextUInt32() >> 6;
        return ((high << 26) | low) * (1.0 / (1L << 53));
    }

    /// <summary>
    /// Standard normal values by the Box-Muller transform (1958), the same bits on every machine. A call with an odd
    /// length drops the last pair's second value, so a stream is read alike only by calls of the same lengths.
    /// </summary>
    public void FillNormal(Span<double> values)
    {
        for (var i = 0; i < values.Length; i += 2)
        {
            var (first, second) = NextNormalPair();
            values[i] = first;
            if (i + 1 < values.Length)
            {
                values[i + 1] = second;
            }
        }
    }

    /// <summary>The values of the double overload, each rounded to float.</summary>
    public void FillNormal(Span<float> values)
    {
        for (var i = 0; i < values.Length; i += 2)
        {
            var (first, second) = NextNormalPair();
            values[i] = (float)first;
            if (i + 1 < values.Length)
            {
                values[i + 1] = (float)second;
            }
        }
    }

    private (double First, double Second) NextNormalPair()
    {
        var radius = Math.Sqrt(-2 * PortableMath.Log(1 - NextDouble())); // 1 - u is in (0, 1]
        var (sine, cosine) = PortableMath.SineAndCosine(NextDouble());
        return (radius * cosine, radius * sine);
    }
}
