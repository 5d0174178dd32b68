using TorchSharp;
using static TorchSharp.torch;

namespace Ganymede.Training;

/// <summary>
/// Historical averaging (Salimans et al., 2016, section 3.3): each network's loss gets lambda |theta - (1/t) sum theta[i]|^2, t updates so
/// far. Its gradient, 2 lambda (theta - average), is a function of the weights alone, so it is added once, to the sum over shards.
/// </summary>
internal sealed class HistoricalAverage : IDisposable
{
    private const string Name = "historical_average";
    private readonly FlatBuffer _flat;
    private readonly double _weight;
    private readonly Tensor _average; // [Elements]

    public HistoricalAverage(FlatBuffer flat, double weight)
    {
        (_flat, _weight) = (flat, weight);
        _average = zeros_like(flat.Parameters).DetachFromDisposeScope();
    }

    /// <summary>Adds the term's gradient, times <paramref name="shards"/>, to the buffer's gradients, which are a sum over as many shards.</summary>
    /// <param name="updates">t.</param>
    public void AddGradient(int shards, long updates)
    {
        if (updates == 0)
        {
            return;
        }

        using var scope = NewDisposeScope();
        using var constant = no_grad();
        using Scalar factor = 2 * _weight * shards;
        _flat.Gradients.narrow(0, 0, _flat.Layout.Elements).add_(_flat.Parameters.Minus(_average), factor);
    }

    /// <summary>Takes the parameters after an update into the mean: average += (theta - average) / t.</summary>
    /// <param name="updates">t, this one included.</param>
    public void Follow(long updates)
    {
        using var scope = NewDisposeScope();
        using var constant = no_grad();
        using Scalar part = 1.0 / updates;
        _average.add_(_flat.Parameters.Minus(_average), part);
    }

    public IEnumerable<NamedTensor> CaptureState(string prefix, StateMemory? memory) =>
        _flat.Layout.Split(TensorBytes.Capture(Name, _average, memory).Data, $"{prefix}{Name}.");

    /// <exception cref="CheckpointException">A tensor is missing, or of another type or shape.</exception>
    public void RestoreState(IReadOnlyDictionary<string, NamedTensor> tensors, string prefix) =>
        TensorBytes.CopyFrom(_flat.Layout.Join(tensors, $"{prefix}{Name}."), _average);

    public void Dispose() => _average.Dispose();
}
