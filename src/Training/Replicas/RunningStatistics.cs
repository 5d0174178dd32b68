using TorchSharp;
using static TorchSharp.torch;

namespace Ganymede.Training;

/// <summary>
/// The running means and variances of a network's batch norms as one flat tensor, of which the layers' buffers are
/// views: for each layer in module order its mean [F], then its variance [F]. Empty for a network without batch norm.
/// </summary>
internal sealed class RunningStatistics : IDisposable
{
    /// <summary>How much a step's batch statistics count, as PyTorch's default.</summary>
    public const double Momentum = 0.1;

    private readonly List<IBatchStatistics> _layers;

    public RunningStatistics(nn.Module network, ScalarType type, Device device)
    {
        _layers = [.. network.modules().OfType<IBatchStatistics>()];
        Elements = (int)_layers.Sum(layer => 2 * layer.RunningMean.numel());
        using var scope = NewDisposeScope();
        using var constant = no_grad();
        Values = zeros(Elements, dtype: type, device: device).DetachFromDisposeScope();
        foreach (var (layer, mean, variance) in Views(Values))
        {
            layer.RunningMean.set_(mean.copy_(layer.RunningMean));
            layer.RunningVariance.set_(variance.copy_(layer.RunningVariance));
        }
    }

    public int Elements { get; }

    /// <summary>[Elements].</summary>
    public Tensor Values { get; }

    /// <summary>Room for one pass's statistics. The caller owns it.</summary>
    public StatisticsScratch NewScratch() => new(this);

    /// <summary>Training passes' statistics are not kept.</summary>
    public void Discard()
    {
        foreach (var layer in _layers)
        {
            layer.Ghost.Discard();
        }
    }

    /// <summary>running = (1 - momentum) * running + momentum * scale * sum.</summary>
    /// <param name="sum">Statistics summed over shards, host bytes of this layout.</param>
    public void Fold(ReadOnlySpan<byte> sum, double scale)
    {
        if (Elements == 0)
        {
            return;
        }

        using var scope = NewDisposeScope();
        using var constant = no_grad();
        var step = empty_like(Values);
        TensorBytes.CopyFrom(sum, step);
        using Scalar keep = 1 - Momentum, gain = Momentum * scale;
        Values.mul_(keep).add_(step, gain);
    }

    public void Dispose() => Values.Dispose();

    internal IEnumerable<(IBatchStatistics Layer, Tensor Mean, Tensor Variance)> Views(Tensor flat)
    {
        long offset = 0;
        foreach (var layer in _layers)
        {
            var features = layer.RunningMean.numel();
            yield return (layer, flat.narrow(0, offset, features), flat.narrow(0, offset + features, features));
            offset += 2 * features;
        }
    }
}

/// <summary>One pass's batch statistics in the layout of <see cref="RunningStatistics"/>.</summary>
internal sealed class StatisticsScratch : IDisposable
{
    public StatisticsScratch(RunningStatistics like)
    {
        using var scope = NewDisposeScope();
        Values = zeros_like(like.Values).DetachFromDisposeScope();
        Views = [.. like.Views(Values)];
        foreach (var (_, mean, variance) in Views)
        {
            mean.DetachFromDisposeScope();
            variance.DetachFromDisposeScope();
        }
    }

    /// <summary>[Elements].</summary>
    public Tensor Values { get; }

    /// <summary>Each layer's part of the values.</summary>
    public IReadOnlyList<(IBatchStatistics Layer, Tensor Mean, Tensor Variance)> Views { get; }

    /// <summary>Clears the values; the next training passes leave their statistics here.</summary>
    public void Record()
    {
        using var constant = no_grad();
        Values.zero_();
        foreach (var (layer, mean, variance) in Views)
        {
            layer.Ghost.RecordInto(mean, variance);
        }
    }

    public void Dispose()
    {
        foreach (var (_, mean, variance) in Views)
        {
            mean.Dispose();
            variance.Dispose();
        }

        Values.Dispose();
    }
}
