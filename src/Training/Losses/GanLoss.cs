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

/// <summary>The loss a preset names.</summary>
public static class GanLoss
{
    public static IGanLoss Create(LossKind kind) => kind switch
    {
        LossKind.Hinge => new HingeLoss(),
        LossKind.NonSaturating => new NonSaturatingLoss(),
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, null),
    };
}
