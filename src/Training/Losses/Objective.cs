using TorchSharp;
using static TorchSharp.torch;

namespace Ganymede.Training;

/// <summary>What a preset's networks minimise, penalties apart: the adversarial loss and what the verdict's other parts add to it.</summary>
internal sealed class Objective(Preset preset)
{
    private readonly double _classWeight = preset.Technique.ClassWeight;
    private readonly double _featureMatching = preset.Technique.FeatureMatching;
    private readonly bool _isAuxiliary = preset.Discriminator.Conditioning == Conditioning.Auxiliary;

    /// <summary>Set if D's loss is no sum of a term of real images and one of generated ones.</summary>
    public IPairedLoss? Paired { get; } = preset.IsPaired ? GanLoss.CreatePaired(preset.Loss) : null;

    /// <summary>Set if it is.</summary>
    public IGanLoss? Separate { get; } = preset.IsPaired ? null : GanLoss.Create(preset.Loss, preset.Technique.LabelSmoothing);

    /// <inheritdoc cref="Preset.GeneratorNeedsReal"/>
    public bool GeneratorNeedsReal { get; } = preset.GeneratorNeedsReal;

    /// <summary>The class term of D's loss over real images: null without one.</summary>
    public Tensor? ClassesOfReal(Verdict verdict, Tensor labels) => Classes(verdict, labels);

    /// <summary>The class term of generated images, in D's and in G's loss: null without one. A semi-supervised G was told no class.</summary>
    public Tensor? ClassesOfFake(Verdict verdict, Tensor labels) => _isAuxiliary ? Classes(verdict, labels) : null;

    /// <summary>G's loss without the class term: scalar.</summary>
    /// <param name="real">Constants; there if <see cref="GeneratorNeedsReal"/>.</param>
    public Tensor OfGenerator(Verdict fake, Verdict? real)
    {
        using var scope = NewDisposeScope();
        var loss = _featureMatching > 0 ? FeatureMatching.Of(real!.Features, fake.Features).Times(_featureMatching)
            : Paired?.OfGenerator(real!.Logits, fake.Logits) ?? Separate!.OfGenerator(fake.Logits);
        return loss.MoveToOuterDisposeScope();
    }

    private Tensor? Classes(Verdict verdict, Tensor labels)
    {
        if (verdict.Guesses is null)
        {
            return null;
        }

        using var scope = NewDisposeScope();
        return ClassLoss.Of(verdict.Guesses, labels).Times(_classWeight).MoveToOuterDisposeScope();
    }
}
