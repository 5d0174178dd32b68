using static TorchSharp.torch;

namespace Ganymede.Training;

/// <summary>
/// What all members learn of a phase from the same all-reduce: means over the global mini-batch, so equal on all of
/// them. A loss or an accuracy that the phase does not have is NaN.
/// </summary>
/// <param name="RealLoss">D's loss term over real images (phase D); the whole adversarial loss if it is one of pairs.</param>
/// <param name="FakeLoss">D's loss term over generated images (phase D); 0 if the loss is one of pairs.</param>
/// <param name="GeneratorLoss">G's loss (phase G).</param>
/// <param name="RealAccuracy">The part of the real images that D scores above zero (phase D), 0..1.</param>
/// <param name="FakeAccuracy">The part of the generated images that D scores at zero or below, 0..1.</param>
/// <param name="Finite">False when the sum held an infinity or a NaN: then nothing was updated, on any member.</param>
/// <param name="NonFiniteShards">Shards whose own buffer was not finite; 0 with <c>Finite</c> false means that the sum overflowed.</param>
/// <param name="StopRequested">Some member was asked to stop.</param>
/// <param name="CheckpointRequested">Some member was asked for a checkpoint.</param>
public sealed record PhaseReport(
    Phase Phase,
    long Step,
    double RealLoss,
    double FakeLoss,
    double GeneratorLoss,
    double RealAccuracy,
    double FakeAccuracy,
    bool Finite,
    int NonFiniteShards,
    bool StopRequested,
    bool CheckpointRequested)
{
    /// <summary>Mean logit of real images, E D(x) (phase D).</summary>
    public double RealScore { get; private init; }

    /// <summary>Mean logit of generated images, E D(G(z)).</summary>
    public double FakeScore { get; private init; }

    /// <summary>Penalties in D's loss (phase D); 0 in an update that computes none.</summary>
    public double Penalty { get; private init; }

    /// <summary>Cross-entropy of guessed classes, as weighted in the loss; 0 where none are guessed.</summary>
    public double ClassLoss { get; private init; }

    /// <summary>What the controller saw and did after the step (phase G); null without one.</summary>
    public ControllerReport? Control { get; internal init; }

    /// <summary>
    /// E D(x) - E D(G(z)) (phase D). Of a Lipschitz D that is trained with the Wasserstein loss it estimates the distance between data and
    /// generated images, up to a factor (Arjovsky, Chintala and Bottou, 2017, section 4).
    /// </summary>
    public double WassersteinEstimate => RealScore - FakeScore;

    internal static PhaseReport Read(Phase phase, long step, ReadOnlySpan<byte> sum, ScalarType type, int shards)
    {
        var discriminator = phase == Phase.Discriminator;
        return new(
            phase,
            step,
            discriminator ? Mean(sum, TrailerSlot.RealLoss) : double.NaN,
            discriminator ? Mean(sum, TrailerSlot.FakeLoss) : double.NaN,
            discriminator ? double.NaN : Mean(sum, TrailerSlot.GeneratorLoss),
            discriminator ? Mean(sum, TrailerSlot.RealAccuracy) : double.NaN,
            Mean(sum, TrailerSlot.FakeAccuracy),
            Finiteness.IsFinite(sum, type),
            (int)Trailer.Read(sum, type, TrailerSlot.NonFinite),
            Trailer.Read(sum, type, TrailerSlot.Stop) > 0,
            Trailer.Read(sum, type, TrailerSlot.Checkpoint) > 0)
        {
            RealScore = discriminator ? Mean(sum, TrailerSlot.RealScore) : double.NaN,
            FakeScore = Mean(sum, TrailerSlot.FakeScore),
            Penalty = discriminator ? Mean(sum, TrailerSlot.Penalty) : double.NaN,
            ClassLoss = Mean(sum, TrailerSlot.ClassLoss),
        };

        double Mean(ReadOnlySpan<byte> sum, TrailerSlot slot) => Trailer.Read(sum, type, slot) / shards;
    }
}
