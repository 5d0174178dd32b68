using TorchSharp;
using static TorchSharp.torch;

namespace Ganymede.Training;

/// <summary>
/// Draws images from noise. What every generator promises, whatever its layers are. The class enters through conditional norms; with other norms as a
/// one-hot vector beside the noise (Mirza and Osindero, 2014).
/// </summary>
/// <param name="norm">Of all its layers.</param>
/// <param name="classes">Y, or null for an unconditional generator.</param>
/// <remarks>
/// Axes in this folder: B batch, Z noise, Y classes, C image channels, H and W image height and width, F base width.
/// </remarks>
public abstract class GeneratorNetwork(string name, NormKind norm, int? classes) : nn.Module<Tensor, Tensor, Tensor>(name)
{
    private readonly int? _oneHot = norm == NormKind.ConditionalBatch ? null : classes;
    private ReferenceBatch? _reference;

    /// <summary>The dense layer that reads the network's input itself, if there is one.</summary>
    internal virtual Dense? InputLayer => null;

    /// <summary>The fixed batch of virtual batch norm, if a layer needs it.</summary>
    public ReferenceBatch? Reference
    {
        get => _reference;
        internal set => register_module("reference", _reference = value!);
    }

    /// <summary>Length of what stands beside the noise: Y if the class enters as a one-hot vector.</summary>
    protected int LabelInputs => _oneHot ?? 0;

    /// <param name="noise">[B, Z], from N(0, 1).</param>
    /// <param name="label">[B], int64 in 0..Y-1; not read by an unconditional generator.</param>
    /// <returns>[B, C, H, W], in -1..1.</returns>
    public sealed override Tensor forward(Tensor noise, Tensor label)
    {
        using var scope = NewDisposeScope();
        var (input, labels) = _reference?.Before(noise, label) ?? (noise, label);
        if (_oneHot is { } count)
            input = cat([input, nn.functional.one_hot(labels, count).to(input.dtype)], dim: 1);
        var images = Draw(input, labels);
        return (_reference?.Without(images) ?? images).MoveToOuterDisposeScope();
    }

    /// <param name="input">[B, Z + <see cref="LabelInputs"/>].</param>
    /// <param name="label">[B]; for norms.</param>
    /// <returns>[B, C, H, W], in -1..1.</returns>
    protected abstract Tensor Draw(Tensor input, Tensor label);
}
