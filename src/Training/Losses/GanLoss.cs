using static TorchSharp.torch;

namespace Ganymede.Training;

/// <summary>
/// What the two networks minimise, as means over a batch of logits [B]. D's loss is the sum of a term over real images
/// and one over generated images, so each can be taken (and differentiated) as soon as its logits are there.
/// </summary>
public interface IGanLoss
{
    /// <summary>D's term over real images: scalar.</summary>
    public Tensor OfReal(Tensor logits);

    /// <summary>D's term over generated images: scalar.</summary>
    public Tensor OfFake(Tensor logits);

    /// <summary>G's loss over its images' logits: scalar.</summary>
    public Tensor OfGenerator(Tensor logits);
}

/// <summary>Losses in which each real image meets a generated one: real_i and fake_i of the same shard. Means over a batch of logits [B].</summary>
public interface IPairedLoss
{
    /// <summary>D's loss: scalar.</summary>
    public Tensor OfDiscriminator(Tensor real, Tensor fake);

    /// <summary>G's loss: scalar; the real images' logits are constants.</summary>
    public Tensor OfGenerator(Tensor real, Tensor fake);
}

/// <summary>The loss a preset names.</summary>
public static class GanLoss
{
    /// <param name="labelSmoothing">As <see cref="TechniqueSettings.LabelSmoothing"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException">The loss is one of pairs.</exception>
    public static IGanLoss Create(LossKind kind, double labelSmoothing = 0) => kind switch
    {
        LossKind.Hinge => new HingeLoss(),
        LossKind.NonSaturating => new NonSaturatingLoss(labelSmoothing),
        LossKind.Minimax => new MinimaxLoss(labelSmoothing),
        LossKind.LeastSquares => new LeastSquaresLoss(),
        LossKind.Wasserstein => new WassersteinLoss(),
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, null),
    };

    /// <exception cref="ArgumentOutOfRangeException">The loss is a sum of terms over either kind of image.</exception>
    public static IPairedLoss CreatePaired(LossKind kind) => kind switch
    {
        LossKind.Relativistic => new RelativisticLoss(),
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, null),
    };
}
