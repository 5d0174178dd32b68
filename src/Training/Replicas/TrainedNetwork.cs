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

    public TrainedNetwork(TNetwork network, OptimizerSettings optimizer, Device device)
    {
        Network = network;
        network.to(device);
        Flat = new(network);
        Statistics = new(network, Flat.Layout.Type, device);
        Optimizer = FlatOptimizer.Create(optimizer, Flat);
        Spectral = [.. Initialization.SpectralLayers(network)];
        _parameters = [.. network.parameters()];
        BeginStep(); // also brings the spectral vectors onto the device
    }

    public TNetwork Network { get; }

    public FlatBuffer Flat { get; }

    public RunningStatistics Statistics { get; }

    public FlatOptimizer Optimizer { get; }

    public IReadOnlyList<ISpectralLayer> Spectral { get; }

    /// <summary>Length of a phase's flat buffer: gradient, statistics, trailer.</summary>
    public int Elements => Flat.Layout.Elements + Statistics.Elements + Trailer.Slots;

    public int ElementSize => Flat.Layout.ElementSize;

    public ScalarType Type => Flat.Layout.Type;

    /// <summary>The statistics' part of a phase's flat buffer.</summary>
    public Range StatisticsBytes =>
        (Flat.Layout.Elements * ElementSize)..((Flat.Layout.Elements + Statistics.Elements) * ElementSize);

    public void BeginStep()
    {
        foreach (var layer in Spectral)
        {
            layer.Spectral!.BeginStep(layer.Weight);
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
    }

    /// <summary>
    /// The gradients and <paramref name="statistics"/> as the first two parts of a phase's flat buffer; the trailer's
    /// part is cleared.
    /// </summary>
    public void WriteTo(Span<byte> buffer, Tensor statistics)
    {
        TensorBytes.CopyTo(Flat.Gradients, buffer[..(Flat.Layout.Elements * ElementSize)]);
        TensorBytes.CopyTo(statistics, buffer[StatisticsBytes]);
        buffer[^(Trailer.Slots * ElementSize)..].Clear();
    }

    /// <summary>One update from the sum over <paramref name="shards"/> shards of their flat buffers.</summary>
    public void Update(ReadOnlySpan<byte> sum, int shards)
    {
        var scale = 1.0 / shards;
        Optimizer.Update(Flat, sum, scale);
        Statistics.Fold(sum[StatisticsBytes], scale);
    }

    public void Dispose()
    {
        Optimizer.Dispose();
        Statistics.Dispose();
        Flat.Dispose();
        Network.Dispose();
    }
}
