using Ganymede.Datasets;
using TorchSharp;
using static TorchSharp.torch;

namespace Ganymede.Training;

/// <summary>
/// The fixed batch of virtual batch norm (Salimans et al., 2016, section 3.5). It goes through the network before every batch, whose samples
/// are normalised by its statistics. Chosen once, from the seed, and part of the network's state.
/// </summary>
public sealed class ReferenceBatch : nn.Module
{
    private readonly Tensor input; // R …
    private readonly Tensor label; // R, of the network's type

    /// <param name="shape">[R, …] of what the network reads.</param>
    public ReferenceBatch(long[] shape, ScalarType precision) : base(nameof(ReferenceBatch))
    {
        input = zeros(shape, dtype: precision);
        label = zeros(shape[0], dtype: precision);
        RegisterComponents();
    }

    /// <summary>R.</summary>
    public long Rows => input.shape[0];

    public void Set(Tensor samples, Tensor labels)
    {
        using var scope = NewDisposeScope();
        using var constant = no_grad();
        input.copy_(samples);
        label.copy_(labels);
    }

    /// <summary>A generator's: noise from N(0, 1), the classes in turn.</summary>
    public void Draw(ulong seed, int classes)
    {
        using var scope = NewDisposeScope();
        var noise = new double[input.numel()];
        new CounterRandom(seed, step: 0, shard: 0, RandomPurpose.ReferenceBatch).FillNormal(noise);
        Set(tensor(noise).view(input.shape), tensor(Enumerable.Range(0, (int)Rows).Select(row => (long)(row % classes)).ToArray()));
    }

    /// <summary>[R + B, …] and [R + B]. The caller owns both.</summary>
    public (Tensor Input, Tensor Label) Before(Tensor batch, Tensor labels) =>
        (cat([input, batch], dim: 0), cat([label.to(ScalarType.Int64), labels], dim: 0));

    /// <summary>[R + B, …] to [B, …].</summary>
    public Tensor Without(Tensor output) => output.narrow(0, Rows, output.shape[0] - Rows);
}
