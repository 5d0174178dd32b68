using System.Runtime.InteropServices;

namespace Ganymede.Training;

/// <summary>
/// ADA (Karras, Aittala, Hellsten, Laine, Lehtinen and Aila, 2020, section 3.2): the probability p with which an image is augmented follows r = E sign D(x)
/// over real images, the sign of D's overfitting: after each update of D, p += sign(r - target) * batch / images, kept in 0..1.
/// </summary>
/// <remarks>r comes from the sum over all shards, so every member decides alike; p is part of the state.</remarks>
internal sealed class AdaptiveStrength(AugmentSettings settings, int batch)
{
    private const string Name = "augment.probability";

    public bool IsOn => settings.AdaptiveTarget > 0;

    /// <summary>p; 1 when it does not adapt.</summary>
    public double Probability { get; private set; } = settings.AdaptiveTarget > 0 ? 0 : 1;

    /// <param name="realAccuracy">The part of the real images that D scores above zero, 0..1: r = 2 a - 1.</param>
    public void Follow(double realAccuracy)
    {
        if (IsOn)
        {
            var sign = Math.Sign(2 * realAccuracy - 1 - settings.AdaptiveTarget);
            Probability = Math.Clamp(Probability + sign * ((double)batch / settings.AdaptiveImages), 0, 1);
        }
    }

    public IEnumerable<NamedTensor> CaptureState() => IsOn
        ? [new NamedTensor(Name, TensorType.F64, [], MemoryMarshal.AsBytes<double>([Probability]).ToArray())]
        : [];

    /// <exception cref="CheckpointException">The tensor is missing or not one number in 0..1.</exception>
    public void RestoreState(IReadOnlyDictionary<string, NamedTensor> tensors)
    {
        if (!IsOn)
        {
            return;
        }

        if (!tensors.TryGetValue(Name, out var saved) || saved is not { Type: TensorType.F64, Shape.Count: 0, Data.Length: sizeof(double) }
            || MemoryMarshal.Read<double>(saved.Data.Span) is not (>= 0 and <= 1))
        {
            throw new CheckpointException($"tensor {Name} is missing or not one number in 0..1");
        }

        Probability = MemoryMarshal.Read<double>(saved.Data.Span);
    }
}
