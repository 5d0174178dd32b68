namespace Ganymede.Training;

/// <summary>A weight [Outputs, Inputs] whose gradient travels as factors: for each shard, <paramref name="Rows"/> rows of each.</summary>
/// <param name="Entry">Where the weight lies in its network's flat buffers.</param>
/// <param name="Rows">Samples that pass the layer in a shard of the phase.</param>
/// <param name="Shards">V.</param>
internal sealed record FactoredWeight(FlatEntry Entry, int Rows, int Shards)
{
    public int Outputs => (int)Entry.Shape[0];

    public int Inputs => (int)Entry.Shape[1];

    /// <summary>Rows of all shards.</summary>
    public int AllRows => Rows * Shards;

    /// <summary>Elements of all shards' factors.</summary>
    public int Elements => AllRows * (Outputs + Inputs);

    /// <summary>
    /// The factors, if they are at most half as long as the gradient. That depends on the preset alone, never on the number of
    /// members, and so does the result.
    /// </summary>
    public static FactoredWeight? For(FlatEntry entry, int rows, int shards)
    {
        var weight = new FactoredWeight(entry, rows, shards);
        return 2L * rows * shards * (weight.Outputs + weight.Inputs) <= entry.Count ? weight : null;
    }
}

/// <summary>
/// The flat buffer of a phase, in elements: the gradients of the parameters without the factored one, batch-norm statistics, each
/// shard's output gradients and then inputs of the factored weight, the controller's signals, trailer. A shard fills its own rows of the factors and leaves
/// the others' zero, so the same sum over shards that adds gradients puts all factors side by side.
/// </summary>
internal sealed class PhaseLayout
{
    public PhaseLayout(FlatLayout flat, int statistics, FactoredWeight? factored, int signals)
    {
        Factored = factored;
        var (first, behind) = factored is null
            ? (flat.Elements, flat.Elements)
            : (factored.Entry.Offset, flat.Entries.Where(entry => entry.Offset > factored.Entry.Offset).Select(entry => entry.Offset).DefaultIfEmpty(flat.Elements).Min());
        Segments = [.. new[] { (Flat: 0, Count: first, Offset: 0), (Flat: behind, Count: flat.Elements - behind, Offset: first) }.Where(part => part.Count > 0)];
        Statistics = Segments.Sum(part => part.Count);
        OutputGradients = Statistics + statistics;
        Inputs = OutputGradients + (factored?.AllRows ?? 0) * (factored?.Outputs ?? 0);
        Elements = OutputGradients + (factored?.Elements ?? 0) + signals + Trailer.Slots;
    }

    public FactoredWeight? Factored { get; }

    /// <summary>Runs of the network's flat gradients, and where each lies here.</summary>
    public IReadOnlyList<(int Flat, int Count, int Offset)> Segments { get; }

    /// <summary>Offset of the statistics.</summary>
    public int Statistics { get; }

    /// <summary>Offset of the factor [V rows, O].</summary>
    public int OutputGradients { get; }

    /// <summary>Offset of the factor [V rows, I].</summary>
    public int Inputs { get; }

    public int Elements { get; }
}
