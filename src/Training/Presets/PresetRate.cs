using System.Diagnostics;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using Ganymede.Datasets;

namespace Ganymede.Training;

/// <summary>How fast a preset trains on this machine, in one process.</summary>
public static class PresetRate
{
    private const int Classes = 10, ImageCount = 64;

    /// <summary>Steps a second of one replica that owns all shards: the fastest of some, after one that is not counted.</summary>
    /// <param name="steps">Steps that are timed, at least 1.</param>
    /// <param name="threads">Torch's threads.</param>
    public static double StepsPerSecond(Preset preset, int steps, int threads)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(steps);
        using var replica = new Replica(preset, AnyImages(preset, ImageCount), seed: 1, "cpu", threads);
        var bytes = Math.Max(replica.Elements(Phase.Discriminator), replica.Elements(Phase.Generator)) * replica.ElementSize;
        var (sum, gradient) = (new byte[bytes], new byte[bytes]);
        Step(replica, preset, sum, gradient);
        return 1 / Enumerable.Range(0, steps).Min(_ =>
        {
            var start = Stopwatch.GetTimestamp();
            Step(replica, preset, sum, gradient);
            return Stopwatch.GetElapsedTime(start).TotalSeconds;
        });
    }

    /// <summary>Images of the preset's size, of ten classes, that show nothing: what a step costs does not depend on it.</summary>
    internal static ImagePack AnyImages(Preset preset, int count)
    {
        var pixels = new byte[count * preset.Channels * preset.Size * preset.Size];
        new Random(5).NextBytes(pixels);
        return new ImagePack(
            preset.Channels, preset.Size, preset.Size, [.. Enumerable.Range(0, Classes).Select(label => $"class {label}")],
            [.. Enumerable.Range(0, count).Select(image => image % Classes)], pixels);
    }

    private static void Step(Replica replica, Preset preset, byte[] sums, byte[] gradients)
    {
        var step = replica.NextStep;
        foreach (var phase in preset.Phases)
        {
            if (phase == Phase.Discriminator)
            {
                replica.BeginStep(step);
            }

            var bytes = replica.Elements(phase) * replica.ElementSize;
            var sum = sums.AsSpan(0, bytes);
            var gradient = gradients.AsSpan(0, bytes);
            replica.ComputeShard(phase, step, 0, sum);
            for (var shard = 1; shard < preset.Shards; shard++)
            {
                replica.ComputeShard(phase, step, shard, gradient);
                Add(sum, gradient, replica.ElementSize);
            }

            replica.Apply(phase, step, sum);
        }
    }

    private static void Add(Span<byte> sum, ReadOnlySpan<byte> addend, int elementSize)
    {
        if (elementSize == sizeof(float))
        {
            Add(MemoryMarshal.Cast<byte, float>(sum), MemoryMarshal.Cast<byte, float>(addend));
        }
        else
        {
            Add(MemoryMarshal.Cast<byte, double>(sum), MemoryMarshal.Cast<byte, double>(addend));
        }
    }

    private static void Add<T>(Span<T> sum, ReadOnlySpan<T> addend) where T : System.Numerics.INumber<T> => TensorPrimitives.Add(sum, addend, sum);
}
