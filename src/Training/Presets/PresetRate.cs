using System.Diagnostics;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using Ganymede.Datasets;

namespace Ganymede.Training;

/// <summary>How fast a preset trains on this machine, in one process.</summary>
public static class PresetRate
{
    private const int Classes = 10, Images = 64;

    /// <summary>Steps a second of one replica that owns all shards: the fastest of some, after one that is not counted.</summary>
    /// <param name="steps">Steps that are timed, at least 1.</param>
    /// <param name="threads">Torch's threads.</param>
    public static double StepsPerSecond(Preset preset, int steps, int threads)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(steps);
        var pixels = new byte[Images * preset.Channels * preset.Size * preset.Size];
        new Random(5).NextBytes(pixels); // what a step costs does not depend on what images show
        var data = new ImagePack(
            preset.Channels, preset.Size, preset.Size, [.. Enumerable.Range(0, Classes).Select(index => $"class {index}")],
            [.. Enumerable.Range(0, Images).Select(image => image % Classes)], pixels);
        using var replica = new Replica(preset, data, seed: 1, "cpu", threads);
        Step(replica, preset);
        return 1 / Enumerable.Range(0, steps).Min(_ =>
        {
            var start = Stopwatch.GetTimestamp();
            Step(replica, preset);
            return Stopwatch.GetElapsedTime(start).TotalSeconds;
        });
    }

    private static void Step(Replica replica, Preset preset)
    {
        var step = replica.NextStep;
        foreach (var phase in preset.Phases)
        {
            if (phase == Phase.Discriminator)
            {
                replica.BeginStep(step);
            }

            var sum = new byte[replica.Elements(phase) * replica.ElementSize];
            var gradient = new byte[sum.Length];
            for (var shard = 0; shard < preset.Shards; shard++)
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
