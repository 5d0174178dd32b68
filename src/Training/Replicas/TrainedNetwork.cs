using TorchSharp;
using static TorchSharp.torch;

namespace Ganymede.Training;

/// <summary>
/// A network with all that training keeps beside it: flat parameters and gradients, running statistics, optimizer.
/// </summary>
/// <typeparam name="TNetwork">Generator or discriminator; owned.</typeparam>
internal sealed class TrainedNetwork<TNetwork> : IDisposable
    where TNetwork : nn.Module
{
    private readonly List<Tensor> _parameters;
    private readonly List<(Tensor Gradients, Range Bytes)> _segments;
    private readonly Dense? _factoredLayer;
    private readonly Tensor? _factoredGradient; // [O, I], a view
    private readonly Tensor? _factors;          // [V rows (O + I)]
    private readonly HistoricalAverage? _history;
    private readonly double _clip;

    /// <param name="inputLayer">The layer that reads the network's input, if it is dense.</param>
    /// <param name="rows">Samples that pass this layer in a shard's phase.</param>
    /// <param name="shards">V.</param>
    /// <param name="historicalAveraging">Weight of <see cref="HistoricalAverage"/>; 0 is off.</param>
    /// <param name="clip">Limit of <see cref="WeightClipping"/>; 0 is off.</param>
    /// <param name="signals">Elements that the flat buffer has for the controller, before its trailer.</param>
    public TrainedNetwork(
        TNetwork network, OptimizerSettings optimizer, Device device, Dense? inputLayer, int rows, int shards, double historicalAveraging = 0, double clip = 0,
        int signals = 0)
    {
        _clip = clip;
        Network = network;
        network.to(device);
        Flat = new(network);
        Statistics = new(network, Flat.Layout.Type, device);
        Optimizer = FlatOptimizer.Create(optimizer, Flat);
        _history = historicalAveraging > 0 ? new(Flat, historicalAveraging) : null;
        Spectral = [.. Initialization.SpectralLayers(network)];
        var named = network.named_parameters().ToList();
        var factored = inputLayer is { IsPlain: true }
            ? FactoredWeight.For(Flat.Layout.Entries.Single(entry => ReferenceEquals(named.Single(p => p.name == entry.Name).parameter, inputLayer.Weight)), rows, shards)
            : null;
        Layout = new(Flat.Layout, Statistics.Elements, factored, signals);

        using var scope = NewDisposeScope();
        using var constant = no_grad();
        _segments = [.. Layout.Segments.Select(part =>
            (Flat.Gradients.narrow(0, part.Flat, part.Count).DetachFromDisposeScope(), Bytes(part.Offset, part.Count)))];
        if (factored is not null)
        {
            _factoredLayer = inputLayer!;
            _factoredLayer.Weight.requires_grad = false;
            _factoredGradient = Flat.Gradients.narrow(0, factored.Entry.Offset, factored.Entry.Count)
                .view(factored.Outputs, factored.Inputs).DetachFromDisposeScope();
            _factors = empty(factored.Elements, dtype: Type, device: device).DetachFromDisposeScope();
        }

        _parameters = [.. named.Select(p => (Tensor)p.parameter).Where(parameter => !ReferenceEquals(parameter, _factoredLayer?.Weight))];
        CollectGradients(true);
        BeginStep(); // also brings the spectral vectors onto the device
    }

    public TNetwork Network { get; }

    public FlatBuffer Flat { get; }

    public RunningStatistics Statistics { get; }

    public FlatOptimizer Optimizer { get; }

    public IReadOnlyList<ISpectralLayer> Spectral { get; }

    /// <summary>Of the phase in which this network learns.</summary>
    public PhaseLayout Layout { get; }

    public int Elements => Layout.Elements;

    public int ElementSize => Flat.Layout.ElementSize;

    public ScalarType Type => Flat.Layout.Type;

    /// <summary>Length of <see cref="CopyGradients"/>, in bytes.</summary>
    public int GradientBytes => Layout.Statistics * ElementSize;

    public void BeginStep()
    {
        foreach (var layer in Spectral)
        {
            layer.Spectral!.BeginStep(layer.Weight);
        }
    }

    public void StepAhead()
    {
        foreach (var layer in Spectral)
        {
            layer.Spectral!.StepAhead(layer.Weight);
        }
    }

    public void StepBack()
    {
        foreach (var layer in Spectral)
        {
            layer.Spectral!.StepBack();
        }
    }

    public void EndStep()
    {
        foreach (var layer in Spectral)
        {
            layer.Spectral!.EndStep();
        }
    }

    /// <summary>Whether backward passes reach the parameters.</summary>
    public void CollectGradients(bool collect)
    {
        foreach (var parameter in _parameters)
        {
            parameter.requires_grad = collect;
        }

        if (_factoredLayer is not null)
        {
            _factoredLayer.Tape.IsOn = collect;
        }
    }

    /// <summary>The factors of the last pass, now the caller's; null if no weight of this network is factored.</summary>
    public FactoredPass? TakeFactors() => _factoredLayer?.Tape.Take();

    public void ZeroGradients()
    {
        using var constant = no_grad();
        foreach (var (gradients, _) in _segments)
        {
            gradients.zero_();
        }
    }

    /// <summary>The gradients without the factored weight's, [<see cref="GradientBytes"/>].</summary>
    public void CopyGradients(Span<byte> destination)
    {
        foreach (var (gradients, bytes) in _segments)
        {
            TensorBytes.CopyTo(gradients, destination[bytes]);
        }
    }

    /// <summary>The reverse of <see cref="CopyGradients"/>.</summary>
    public void RestoreGradients(ReadOnlySpan<byte> source)
    {
        foreach (var (gradients, bytes) in _segments)
        {
            TensorBytes.CopyFrom(source[bytes], gradients);
        }
    }

    /// <summary>A shard's flat buffer: gradients, statistics, its rows of the factors; the trailer's part is cleared.</summary>
    /// <param name="passes">The factored weight's passes, in order; nothing is read if there is none.</param>
    public void WriteTo(Span<byte> buffer, Tensor statistics, int shard, params ReadOnlySpan<FactoredPass?> passes)
    {
        CopyGradients(buffer);
        TensorBytes.CopyTo(statistics, buffer[Bytes(Layout.Statistics, Statistics.Elements)]);
        buffer[(Layout.OutputGradients * ElementSize)..].Clear();
        if (Layout.Factored is not { } factored)
        {
            return;
        }

        var row = shard * factored.Rows;
        foreach (var pass in passes)
        {
            using var scope = NewDisposeScope();
            var rows = (int)pass!.Input.shape[0];
            TensorBytes.CopyTo(pass.OutputGradient, buffer[Bytes(Layout.OutputGradients + row * factored.Outputs, rows * factored.Outputs)]);
            TensorBytes.CopyTo(pass.Input, buffer[Bytes(Layout.Inputs + row * factored.Inputs, rows * factored.Inputs)]);
            row += rows;
        }
    }

    /// <summary>One update from the sum over <paramref name="shards"/> shards of their flat buffers, all of it finite.</summary>
    /// <returns>False, and nothing is changed, if the gradient that follows from the factors is not finite.</returns>
    public bool Update(ReadOnlySpan<byte> sum, int shards)
    {
        var scale = 1.0 / shards;
        if (Layout.Factored is null && _history is null)
        {
            Optimizer.Update(Flat, sum, scale);
        }
        else
        {
            RestoreGradients(sum);
            if (Layout.Factored is not null && !Multiply(sum, Layout.Factored))
            {
                return false;
            }

            _history?.AddGradient(shards, Optimizer.Updates);
            Optimizer.Update(Flat, scale);
        }

        if (_clip > 0)
        {
            WeightClipping.Apply(Flat.Parameters, _clip);
        }

        _history?.Follow(Optimizer.Updates);

        Statistics.Fold(sum[Bytes(Layout.Statistics, Statistics.Elements)], scale);
        return true;
    }

    /// <summary>A copy of what training keeps beside the network's own state.</summary>
    public IEnumerable<NamedTensor> CaptureState(string prefix, StateMemory? memory) =>
        [.. Optimizer.CaptureState(prefix, memory), .. _history?.CaptureState(prefix, memory) ?? []];

    /// <summary>Takes over a captured state.</summary>
    /// <exception cref="CheckpointException">A tensor is missing, or of another type or shape.</exception>
    public void RestoreState(IReadOnlyDictionary<string, NamedTensor> tensors, string prefix)
    {
        Optimizer.RestoreState(tensors, prefix);
        _history?.RestoreState(tensors, prefix);
    }

    public void Dispose()
    {
        _history?.Dispose();
        _factors?.Dispose();
        _factoredGradient?.Dispose();
        _segments.ForEach(part => part.Gradients.Dispose());
        Optimizer.Dispose();
        Statistics.Dispose();
        Flat.Dispose();
        Network.Dispose();
    }

    /// <summary>The factored weight's gradient: one product over the rows of all shards, the same on every member.</summary>
    private bool Multiply(ReadOnlySpan<byte> sum, FactoredWeight factored)
    {
        using var scope = NewDisposeScope();
        using var constant = no_grad();
        TensorBytes.CopyFrom(sum[Bytes(Layout.OutputGradients, factored.Elements)], _factors!);
        var outputs = _factors!.narrow(0, 0, factored.AllRows * factored.Outputs).view(factored.AllRows, factored.Outputs);
        var inputs = _factors.narrow(0, factored.AllRows * factored.Outputs, factored.AllRows * factored.Inputs).view(factored.AllRows, factored.Inputs);
        _factoredGradient!.addmm_(outputs.t(), inputs, 0, 1);

        // Finite factors nearly always bound the product, too; only if they do not is it looked at.
        return Magnitude(sum[Bytes(Layout.OutputGradients, factored.AllRows * factored.Outputs)])
                * Magnitude(sum[Bytes(Layout.Inputs, factored.AllRows * factored.Inputs)]) * factored.AllRows < float.MaxValue / 2
            || _factoredGradient.isfinite().all().item<bool>();
    }

    private double Magnitude(ReadOnlySpan<byte> values) => Finiteness.Magnitude(values, Type);

    private Range Bytes(int offset, int count) => (offset * ElementSize)..((offset + count) * ElementSize);
}
