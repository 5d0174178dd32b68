using TorchSharp;
using static TorchSharp.torch;

namespace Ganymede.Training;

/// <summary>A layer that normalises by batch statistics and keeps running ones for evaluation.</summary>
public interface IBatchStatistics
{
    public GhostStatistics Ghost { get; }

    /// <summary>[F], moving average of the shards' means.</summary>
    public Tensor RunningMean { get; }

    /// <summary>[F], moving average of the shards' unbiased variances.</summary>
    public Tensor RunningVariance { get; }
}

/// <summary>
/// Ghost batch norm (Hoffer, Hubara and Soudry, 2017): each shard is normalised by its own mean and variance, and a
/// forward pass never touches the running statistics. The pass leaves its mean [F] and unbiased variance [F] in the
/// tensors given to <see cref="RecordInto"/>, from where they travel with the gradient and are folded in once a step.
/// </summary>
public sealed class GhostStatistics : IDisposable
{
    /// <summary>Added to the variance before the square root, as in PyTorch.</summary>
    public const double Epsilon = 1e-5;

    private Tensor? _mean;
    private Tensor? _variance;
    private Tensor? _unread;

    /// <summary>
    /// Where the next training passes leave their statistics. The caller owns the tensors, and clears them before each
    /// pass.
    /// </summary>
    public void RecordInto(Tensor mean, Tensor variance) => (_mean, _variance) = (mean, variance);

    /// <summary>The next training passes' statistics are not kept.</summary>
    public void Discard() => (_mean, _variance) = (null, null);

    internal Tensor Normalise(IBatchStatistics layer, Tensor input, bool training, Tensor? gain = null, Tensor? bias = null)
    {
        // Momentum 1 makes the native kernel write the batch's own statistics: (1 - 1) * old + 1 * new. Old must be finite, hence "clears".
        var (mean, variance) = training
            ? (_mean ?? Unread(layer), _variance ?? Unread(layer))
            : (layer.RunningMean, layer.RunningVariance);
        return nn.functional.batch_norm(input, mean, variance, gain, bias, training, momentum: 1, eps: Epsilon);
    }

    public void Dispose() => _unread?.Dispose();

    private Tensor Unread(IBatchStatistics layer)
    {
        var like = layer.RunningMean;
        if (_unread is null || _unread.device_type != like.device_type || _unread.device_index != like.device_index)
        {
            _unread?.Dispose();
            _unread = zeros_like(like).DetachFromDisposeScope();
        }

        return _unread;
    }
}
