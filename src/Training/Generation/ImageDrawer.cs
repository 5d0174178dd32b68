using TorchSharp;
using static TorchSharp.torch;

namespace Ganymede.Training;

/// <summary>
/// Draws images with a checkpoint's averaged generator in evaluation mode. The noise of image i is a pure function of
/// (job seed, i), so what an image shows does not depend on who draws it. Its last bits may depend on the size of the
/// batch it is drawn in (other kernels add in another order): a job whose units are fixed batches is the same byte for
/// byte on any number of nodes with the same threads and kind of processor.
/// </summary>
/// <remarks>Used by one thread, for the same reasons as <see cref="Replica"/>.</remarks>
public sealed partial class ImageDrawer : IDisposable
{
    private readonly Preset _preset;
    private readonly GeneratorNetwork _generator;
    private readonly Device _device;
    private readonly TorchThreads _threads;

    /// <param name="checkpointFolder">As <see cref="CheckpointFolder.Write"/> made it; all of it is verified.</param>
    /// <param name="device"><c>cpu</c> or <c>cuda:N</c>.</param>
    /// <param name="threads">Torch's threads for the calling thread, at least 1.</param>
    /// <exception cref="CheckpointException">The checkpoint is damaged, or not one of its own preset's networks.</exception>
    public ImageDrawer(string checkpointFolder, string device, int threads) : this(CheckpointFolder.Read(checkpointFolder), device, threads)
    {
    }

    /// <inheritdoc cref="ImageDrawer(string, string, int)"/>
    public ImageDrawer(Checkpoint checkpoint, string device, int threads)
    {
        _threads = new(threads);
        _threads.Enter();
        _device = new Device(device);
        _preset = checkpoint.Info.Preset;
        Classes = checkpoint.Info.Classes;
        _generator = NetworkFactory.CreateGenerator(_preset, Classes.Count, seed: 0); // its weights are replaced at once
        foreach (var (saved, tensor) in Replica.Pairs(_generator, checkpoint.State.Ema, "ema"))
        {
            TensorBytes.Restore(saved, tensor);
        }

        _generator.to(_device);
        _generator.eval();
    }

    /// <summary>Class names; a label is an index into them.</summary>
    public IReadOnlyList<string> Classes { get; }

    /// <summary>Whether the label decides what is drawn.</summary>
    public bool Conditional => _preset.Conditional;

    /// <summary>1 or 3.</summary>
    public int Channels => _preset.Channels;

    /// <summary>Height and width, pixels.</summary>
    public int Size => _preset.Size;

    /// <summary>Draws one batch: one work unit is one call.</summary>
    /// <param name="jobSeed">The generation job's seed.</param>
    /// <param name="indices">[B], the images' positions in the job, from 0.</param>
    /// <param name="labels">[B], 0..classes-1; without effect when the preset is not conditional.</param>
    /// <returns>[B, C, H, W], uint8.</returns>
    /// <exception cref="ArgumentException">The lists differ in length or are empty, or a label or index is out of range.</exception>
    public byte[] Draw(ulong jobSeed, IReadOnlyList<long> indices, IReadOnlyList<int> labels)
    {
        if (indices.Count != labels.Count || indices.Count == 0)
        {
            throw new ArgumentException($"{indices.Count} indices and {labels.Count} labels: both must be as many, and at least one.");
        }

        var noise = new double[indices.Count * NoiseLength];
        for (var image = 0; image < indices.Count; image++)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(indices[image], nameof(indices));
            FillNoise(jobSeed, indices[image], noise.AsSpan(image * NoiseLength, NoiseLength));
        }

        return Draw(noise, labels);
    }

    public void Dispose() => _generator.Dispose();
}
