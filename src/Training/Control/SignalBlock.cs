using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace Ganymede.Training;

/// <summary>
/// The controller's part of D's flat buffer, before the trailer: scatter, freedom, and generated images by the class that D guesses. Each shard
/// writes its own, and the all-reduce that sums the gradients sums them. There only where a controller is on.
/// </summary>
internal sealed class SignalBlock
{
    private const int Scatter = 0, Freedom = 1, Drawn = 2;

    private readonly ShardPlan _plan;
    private readonly Preset _preset;
    private readonly int _classes;
    private readonly int _guessed;

    public SignalBlock(Preset preset, ShardPlan plan, int classes)
    {
        (_preset, _plan) = (preset, plan);
        _classes = preset.Conditional ? classes : 1;
        _guessed = Guessed(preset, classes);
    }

    /// <summary>Elements of the block; 0 without a controller.</summary>
    public static int Elements(Preset preset, int classes) => preset.Controller.IsOn ? Drawn + Guessed(preset, classes) : 0;

    /// <summary>Measures a shard's generated images, if that is due in D's update, the last one of its step.</summary>
    /// <param name="images">[b, C, H, W].</param>
    /// <param name="labels">[b].</param>
    /// <param name="guesses">[b, Y], where D guesses classes.</param>
    /// <param name="buffer">The shard's flat buffer; its block is zero so far.</param>
    public void Measure(Tensor images, Tensor labels, Tensor? guesses, long update, Span<byte> buffer)
    {
        if ((update + 1) % _preset.CriticSteps != 0 || update / _preset.CriticSteps % _preset.Controller.Every != 0)
        {
            return;
        }

        using var scope = NewDisposeScope();
        using var constant = no_grad();
        var (scatter, freedom) = SpreadOf(images, labels);
        var values = new double[Drawn + _guessed];
        (values[Scatter], values[Freedom]) = (scatter, freedom);
        if (_guessed > 0)
        {
            foreach (var guess in TensorBytes.Elements<long>(guesses!.detach().argmax(1).cpu()))
            {
                values[Drawn + guess]++;
            }
        }

        Write(buffer, images.dtype, values);
    }

    /// <summary>The same of real images, over some of the set, evenly spaced: what diversity is measured by. A function of preset and data.</summary>
    public RealFigures Real(IReadOnlyList<int> labels)
    {
        const int most = 2048, atOnce = 64;
        var count = Math.Min(most, labels.Count);
        int[] indices = [.. Enumerable.Range(0, count).Select(index => (int)((long)index * labels.Count / count))];
        using var scope = NewDisposeScope();
        var features = new List<Tensor>();
        foreach (var some in indices.Chunk(atOnce))
        {
            using var chunk = NewDisposeScope();
            var (images, _) = _plan.At(some);
            features.Add(ClassSpread.Features(images).MoveToOuterDisposeScope());
        }

        var (scatter, freedom) = ClassSpread.Of(cat(features), Grouped(tensor(indices.Select(index => (long)labels[index]).ToArray(), device: features[0].device)), _classes);
        var histogram = new double[labels.Max() + 1];
        foreach (var label in labels)
        {
            histogram[label]++;
        }

        return new(_preset.Loss is not (LossKind.Wasserstein or LossKind.Relativistic), freedom > 0 ? scatter / freedom : 0, EffectiveClasses.Of(histogram));
    }

    /// <summary>What a step says, from its sums over all shards.</summary>
    /// <param name="sum">D's.</param>
    public StepFigures Read(ReadOnlySpan<byte> sum, ScalarType type, int elementSize, PhaseReport report, bool isFinite, double gradientNorm)
    {
        var block = sum[Bytes(sum.Length, elementSize)];
        var values = type == ScalarType.Float32
            ? [.. MemoryMarshal.Cast<byte, float>(block).ToArray().Select(value => (double)value)]
            : MemoryMarshal.Cast<byte, double>(block).ToArray();
        return new(isFinite, 2 * report.RealAccuracy - 1, values[Scatter], values[Freedom], values[Drawn..], gradientNorm);
    }

    private static int Guessed(Preset preset, int classes) =>
        preset.Discriminator.Conditioning is Conditioning.Auxiliary or Conditioning.SemiSupervised ? classes : 0;

    private (double Scatter, double Freedom) SpreadOf(Tensor images, Tensor labels) => ClassSpread.Of(ClassSpread.Features(images), Grouped(labels), _classes);

    /// <summary>Without conditions there is one class, whatever the labels say.</summary>
    private Tensor Grouped(Tensor labels) => _preset.Conditional ? labels : zeros_like(labels);

    private void Write(Span<byte> buffer, ScalarType type, double[] values)
    {
        if (type == ScalarType.Float32)
        {
            var block = MemoryMarshal.Cast<byte, float>(buffer[Bytes(buffer.Length, sizeof(float))]);
            for (var index = 0; index < values.Length; index++)
            {
                block[index] = (float)values[index];
            }
        }
        else
        {
            values.CopyTo(MemoryMarshal.Cast<byte, double>(buffer[Bytes(buffer.Length, sizeof(double))]));
        }
    }

    private Range Bytes(int length, int elementSize)
    {
        var end = length - Trailer.Slots * elementSize;
        return (end - (Drawn + _guessed) * elementSize)..end;
    }
}
