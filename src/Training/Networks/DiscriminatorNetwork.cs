using TorchSharp;
using static TorchSharp.torch;

namespace Ganymede.Training;

/// <summary>
/// Scores how real images look. What every discriminator promises, whatever its layers are: they make features, of which a <see
/// cref="ScoreHead"/> makes the verdict.
/// </summary>
/// <remarks>Axes as in <see cref="GeneratorNetwork"/>.</remarks>
public abstract class DiscriminatorNetwork(string name, HeadSettings settings) : nn.Module<Tensor, Tensor, Tensor>(name)
{
    private ScoreHead? _head;
    private ReferenceBatch? _reference;

    /// <summary>The dense layer that reads the network's input itself, if there is one.</summary>
    internal virtual Dense? InputLayer => null;

    /// <summary>The fixed batch of virtual batch norm, if a layer needs it.</summary>
    public ReferenceBatch? Reference
    {
        get => _reference;
        internal set => register_module("reference", _reference = value!);
    }

    /// <summary>Planes beside the image's own channels: Y if the class enters by concatenation.</summary>
    protected int LabelChannels => settings is { Conditioning: Conditioning.Concatenation, Classes: { } count } ? count : 0;

    /// <param name="image">[B, C, H, W], in -1..1.</param>
    /// <param name="label">[B], int64 in 0..Y-1; not read by a discriminator that is not told the class.</param>
    /// <returns>[B] logits; above zero means real.</returns>
    public sealed override Tensor forward(Tensor image, Tensor label)
    {
        using var scope = NewDisposeScope();
        return Judge(image, label).Logits.MoveToOuterDisposeScope();
    }

    /// <inheritdoc cref="forward"/>
    /// <returns>All that the discriminator says; the caller owns it.</returns>
    public Verdict Judge(Tensor image, Tensor label)
    {
        using var scope = NewDisposeScope();
        var (input, labels) = _reference is null ? (image, label) : _reference.Before(image, label);
        if (LabelChannels > 0)
            input = LabelPlanes.Beside(input, labels, LabelChannels);
        var features = Features(input, labels);
        var verdict = _head!.Judge(_reference?.Without(features) ?? features, label);
        verdict.Logits.MoveToOuterDisposeScope();
        verdict.Features.MoveToOuterDisposeScope();
        verdict.Guesses?.MoveToOuterDisposeScope();
        return verdict;
    }

    /// <param name="input">[B, C + label channels, H, W].</param>
    /// <param name="label">[B]; for norms.</param>
    /// <returns>[B, P].</returns>
    protected abstract Tensor Features(Tensor input, Tensor label);

    /// <summary>The last thing a network's constructor does: the head and all layers become its own.</summary>
    protected void Complete(long features, ScalarType precision)
    {
        RegisterComponents();
        _head = new ScoreHead(features, settings, precision);
        _head.RegisterIn(this);
    }
}
