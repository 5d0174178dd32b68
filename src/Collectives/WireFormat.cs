namespace Ganymede.Collectives;

/// <summary>What float32 travels as when it is summed. What is gathered, broadcast or transferred is always exact.</summary>
public enum WireFormat
{
    /// <summary>As it is: the sum is bitwise the canonical tree's, for every number of parties.</summary>
    Exact = 0,

    /// <summary>
    /// Half the bytes. Every party's partial sums are rounded to bfloat16 (to nearest, ties to even), its own, too; they are added along the
    /// tree in float32, and the sum is rounded once more. It has the same bits at all parties, but they do depend on which shards are one
    /// party's. float64 stays exact, and so does a party that is alone.
    /// </summary>
    Bfloat16 = 1,
}
