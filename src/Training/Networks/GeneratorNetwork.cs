using TorchSharp;
using static TorchSharp.torch;

namespace Ganymede.Training;

/// <summary>
/// Draws images from noise. What every generator promises, whatever its layers are.
/// </summary>
/// <remarks>
/// Axes in this folder: B batch, Z noise, Y classes, C image channels, H and W image height and width, F base width.
/// </remarks>
public abstract class GeneratorNetwork(string name) : nn.Module<Tensor, Tensor, Tensor>(name)
{
    private ReferenceBatch? _reference;

    /// <summary>The dense layer that reads the network's input itself, if there is one.</summary>
    internal virtual Dense? InputLayer => null;

    /// <summary>The fixed batch of virtual batch norm, if a layer needs it.</summary>
    public ReferenceBatch? Reference
    {
        get => _reference;
        internal set => register_module("reference", _reference = value!);
    }

    /// <param name="noise">[B, Z], from N(0, 1).</param>
    /// <param name="label">[B], int64 in 0..Y-1; not read by an unconditional generator.</param>
    /// <returns>[B, C, H, W], in -1..1.</returns>
    public sealed override Tensor forward(Tensor noise, Tensor label)
    {
        if (_reference is null)
            return Draw(noise, label);
        using var scope = NewDisposeScope();
        var (allNoise, allLabels) = _reference.Before(noise, label);
        return _reference.Without(Draw(allNoise, allLabels)).MoveToOuterDisposeScope();
    }

    /// <inheritdoc cref="forward"/>
    protected abstract Tensor Draw(Tensor noise, Tensor label);
}
