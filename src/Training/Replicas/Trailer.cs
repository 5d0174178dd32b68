using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace Ganymede.Training;

/// <summary>
/// What stands behind gradient and statistics in a phase's flat buffer. Every slot is one element of the buffer's type
/// and is summed over shards like the rest; counts stay exact, as there are at most a few thousand shards.
/// </summary>
internal enum TrailerSlot
{
    RealLoss,
    FakeLoss,
    GeneratorLoss,

    /// <summary>The part of the shard's real images that D scores above zero.</summary>
    RealAccuracy,

    /// <summary>The part of the shard's generated images that D scores at zero or below.</summary>
    FakeAccuracy,

    /// <summary>1 when an element of the shard's buffer is infinite or not a number.</summary>
    NonFinite,

    /// <summary>1 when the shard's member was asked to stop.</summary>
    Stop,

    /// <summary>1 when the shard's member was asked for a checkpoint.</summary>
    Checkpoint,

    /// <summary>Mean logit of the shard's real images.</summary>
    RealScore,

    /// <summary>Mean logit of the shard's generated images.</summary>
    FakeScore,

    /// <summary>Penalties of the shard's images; 0 in an update that computes none.</summary>
    Penalty,

    /// <summary>Cross-entropy of guessed classes, weighted as in the loss; 0 where none are guessed.</summary>
    ClassLoss,
}

internal static class Trailer
{
    public const int Slots = 12;

    public static void Write(Span<byte> buffer, ScalarType type, TrailerSlot slot, double value)
    {
        if (type == ScalarType.Float32)
        {
            MemoryMarshal.Cast<byte, float>(buffer)[^(Slots - (int)slot)] = (float)value;
        }
        else
        {
            MemoryMarshal.Cast<byte, double>(buffer)[^(Slots - (int)slot)] = value;
        }
    }

    public static double Read(ReadOnlySpan<byte> buffer, ScalarType type, TrailerSlot slot) => type == ScalarType.Float32
        ? MemoryMarshal.Cast<byte, float>(buffer)[^(Slots - (int)slot)]
        : MemoryMarshal.Cast<byte, double>(buffer)[^(Slots - (int)slot)];
}
