using Ganymede.Datasets;
using TorchSharp;
using static TorchSharp.torch;

namespace Ganymede.Training;

/// <summary>
/// One copy of generator, discriminator, moving average and optimizer state on one device. It computes gradients of
/// shards and applies sums of them; who computes which shard, and how they are summed, is not its business. A step is:
/// <see cref="BeginStep"/>, then for each <see cref="Phase"/> <see cref="ComputeShard"/> for some shards and <see
/// cref="Apply"/> once with the sum over all. With <c>criticSteps</c> c above 1 the phase D, <see cref="BeginStep"/> included, comes c times. Replicas that were applied the same sums hold the same bits.
/// </summary>
/// <remarks>
/// Used by one thread, as TorchSharp's dispose scopes, grad mode and number of threads are per thread. On a device
/// other than the CPU, gradients and sums are copied between host and device; this path has not been run on a GPU.
/// </remarks>
public sealed partial class Replica : IDisposable
{
    private readonly Preset _preset;
    private readonly ImagePack _data;
    private readonly ulong _seed;
    private readonly Device _device;
    private readonly TorchThreads _threads;
    private readonly TrainedNetwork<GeneratorNetwork> _generator;
    private readonly TrainedNetwork<DiscriminatorNetwork> _discriminator;
    private readonly MovingAverage _average;
    private readonly ShardWorker _worker;
    private readonly Augmenter _augmenter;
    private readonly AdaptiveStrength _strength;
    private readonly RunControl? _control;
    private int _updates; // of D, in the step in hand

    /// <param name="preset">Decides networks, losses, optimizers and the numbers of samples and shards.</param>
    /// <param name="data">Images of the preset's size.</param>
    /// <param name="seed">Decides first weights, order of samples and all noise.</param>
    /// <param name="device"><c>cpu</c> or <c>cuda:N</c>.</param>
    /// <param name="threads">Torch's threads for the calling thread, at least 1. Another number gives another, equally valid result.</param>
    /// <exception cref="BadDataException">The images are not of the preset's size or channels.</exception>
    public Replica(Preset preset, ImagePack data, ulong seed, string device, int threads)
    {
        (_preset, _data, _seed) = (preset, data, seed);
        _threads = new(threads);
        _threads.Enter();
        _device = new Device(device);
        var plan = new ShardPlan(preset, data, seed, _device);
        var type = NetworkFactory.ScalarTypeOf(preset.Precision);
        var classes = data.Classes.Count;

        var (generator, discriminator) = (NetworkFactory.CreateGenerator(preset, classes, seed), NetworkFactory.CreateDiscriminator(preset, classes, seed));
        (_generator, _discriminator) = Train(preset, generator, discriminator, _device, SignalBlock.Elements(preset, classes));
        if (discriminator.Reference is { } reference)
        {
            var (images, labels) = plan.Reference();
            reference.Set(images, labels);
            images.Dispose();
            labels.Dispose();
        }

        _average = new(NetworkFactory.CreateGenerator(preset, classes, seed), preset.Ema, _device);
        _strength = new(preset.Augment, preset.Batch);
        _augmenter = new(preset, data, _strength, type, _device);
        _control = preset.Controller.IsOn ? new(preset, new(preset, plan, classes), data.Labels) : null;
        _worker = new(_generator, _discriminator, plan, _augmenter, preset, _control?.Signals);
        _control?.Good.Keep(CopyTraining);
    }

    /// <summary>How both networks' gradients travel, for <see cref="PresetFigures"/>. The networks become views of buffers that are gone.</summary>
    internal static (PhaseLayout Generator, PhaseLayout Discriminator) LayoutsOf(
        Preset preset, GeneratorNetwork generator, DiscriminatorNetwork discriminator, int classes)
    {
        var (ofGenerator, ofDiscriminator) = Train(preset, generator, discriminator, CPU, SignalBlock.Elements(preset, classes));
        using (ofGenerator)
        using (ofDiscriminator)
        {
            return (ofGenerator.Layout, ofDiscriminator.Layout);
        }
    }

    private static (TrainedNetwork<GeneratorNetwork> Generator, TrainedNetwork<DiscriminatorNetwork> Discriminator) Train(
        Preset preset, GeneratorNetwork generator, DiscriminatorNetwork discriminator, Device device, int signals)
    {
        // Factors need each pass through the input layer by itself, and passes that are not differentiated by their input.
        var generatorInput = generator.Reference is null ? generator.InputLayer : null;
        var discriminatorInput = discriminator.Reference is null && preset is { IsPaired: false, Regularizer.DifferentiatesInputs: false }
            && preset.Controller is not { IsOn: true, R1: > 0 }
            ? discriminator.InputLayer
            : null;
        var (samples, history) = (preset.SamplesPerShard, preset.Technique.HistoricalAveraging);
        return (
            new(generator, preset.GeneratorOptimizer, device, generatorInput, samples, preset.Shards, history),
            new(discriminator, preset.DiscriminatorOptimizer, device, discriminatorInput, 2 * samples, preset.Shards, history, preset.Regularizer.Clip, signals)); // real and generated
    }

    /// <summary>Tensors that the calling thread holds. Stays the same from step to step.</summary>
    public static long LiveTensors => DisposeScopeManager.Statistics.ThreadTotalLiveCount;

    /// <summary>Bytes an element of the flat buffers: 4 or 8, by the preset's precision.</summary>
    public int ElementSize => _generator.ElementSize;

    /// <summary>The step whose phases come next; those before it are applied.</summary>
    public long NextStep { get; private set; }

    /// <summary>Position in the sample order at which <see cref="NextStep"/> starts.</summary>
    public long NextSample => NextStep * _preset.SamplesPerStep;

    /// <summary>ADA's probability that an image is augmented, 0..1; 1 if the preset does not adapt it.</summary>
    public double AugmentationProbability => _strength.Probability;

    /// <summary>
    /// Asks all members to stop: it travels in the trailer of every shard computed from now on. Set it from the
    /// replica's thread.
    /// </summary>
    public bool StopRequested { get; set; }

    /// <summary>Asks all members to agree on a checkpoint, in the same way as <see cref="StopRequested"/>.</summary>
    public bool CheckpointRequested { get; set; }

    /// <summary>
    /// Length of a phase's flat buffer in elements: gradient (parameters padded to 64 bytes), batch-norm statistics,
    /// trailer.
    /// </summary>
    public int Elements(Phase phase) => phase == Phase.Discriminator ? _discriminator.Elements : _generator.Elements;

    /// <summary>
    /// Before the shards of each of D's updates: iterates the spectral-norm vectors from the weights. Repeating it changes
    /// nothing.
    /// </summary>
    /// <exception cref="InvalidOperationException">It is not this step's turn.</exception>
    public void BeginStep(long step)
    {
        _threads.Enter();
        RequireTurn(step);
        if (_updates == 0) // While both networks learn from the same images, the vectors stay as they are.
        {
            _generator.BeginStep();
        }

        if (_updates < _preset.CriticSteps)
        {
            _discriminator.BeginStep();
        }
    }

    /// <summary>
    /// Does a part of the next step's phase D for a shard, while this step's sum of G's gradients is under way: D's pass
    /// over the shard's real images needs nothing that this sum decides. It changes no result, and may be left out.
    /// </summary>
    /// <param name="step">The step after <see cref="NextStep"/>.</param>
    /// <param name="shard">0..V-1.</param>
    /// <exception cref="InvalidOperationException">D of <see cref="NextStep"/> has not been applied yet.</exception>
    public void WorkAhead(long step, int shard)
    {
        if (step != NextStep + 1 || _updates < _preset.CriticSteps)
        {
            throw new InvalidOperationException($"Step {step} is out of turn to be worked on ahead: step {NextStep} comes next.");
        }

        if (_preset.IsPaired)
        {
            return; // no part of such a loss is real images' alone
        }

        _threads.Enter();
        _discriminator.StepAhead();
        _worker.WorkAhead(step * _preset.CriticSteps, shard);
    }

    /// <summary>
    /// Writes a shard's flat buffer: the gradient of the mean loss over its samples, its batch-norm statistics, its
    /// trailer.
    /// </summary>
    /// <param name="phase">Which network learns.</param>
    /// <param name="step">From 0.</param>
    /// <param name="shard">0..V-1.</param>
    /// <param name="gradient"><see cref="Elements"/> times <see cref="ElementSize"/> bytes of host memory; overwritten.</param>
    public void ComputeShard(Phase phase, long step, int shard, Span<byte> gradient)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(step);
        ArgumentOutOfRangeException.ThrowIfNegative(shard);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(shard, _preset.Shards);
        RequireLength(phase, gradient.Length);
        _threads.Enter();
        _discriminator.StepBack();
        if (phase == Phase.Discriminator)
        {
            _worker.Discriminate(step * _preset.CriticSteps + Math.Min(step == NextStep ? _updates : 0, _preset.CriticSteps - 1), shard, gradient);
        }
        else
        {
            _worker.Generate(step, shard, gradient);
        }

        var type = _generator.Type;
        Trailer.Write(gradient, type, TrailerSlot.NonFinite, Finiteness.IsFinite(gradient, type) ? 0 : 1);
        Trailer.Write(gradient, type, TrailerSlot.Stop, StopRequested ? 1 : 0);
        Trailer.Write(gradient, type, TrailerSlot.Checkpoint, CheckpointRequested ? 1 : 0);
    }

    /// <summary>
    /// Ends a phase: updates the phase's network by the mean over shards, folds the statistics in and, after G, moves
    /// the average. A sum that is not finite updates nothing, on any member, as all see the same sum; the step counts
    /// all the same.
    /// </summary>
    /// <param name="phase">D first, then G.</param>
    /// <param name="step"><see cref="NextStep"/>.</param>
    /// <param name="sum">The flat buffers of all V shards, summed.</param>
    /// <exception cref="InvalidOperationException">It is not this step's or phase's turn.</exception>
    public PhaseReport Apply(Phase phase, long step, ReadOnlySpan<byte> sum)
    {
        _threads.Enter();
        RequireLength(phase, sum.Length);
        RequireTurn(step);
        if ((phase == Phase.Generator) != (_updates == _preset.CriticSteps))
        {
            throw new InvalidOperationException($"Phase {phase} of step {step} is applied out of its turn.");
        }

        var report = PhaseReport.Read(phase, step, sum, _generator.Type, _preset.Shards);
        var factor = LearningRateSchedule.FactorOf(_preset.Schedule, step);
        (_generator.Optimizer.RateFactor, _discriminator.Optimizer.RateFactor) =
            (factor * (_control?.Knobs.GeneratorRate ?? 1), factor * (_control?.Knobs.DiscriminatorRate ?? 1));
        if (phase == Phase.Discriminator)
        {
            report = report with { Finite = report.Finite && _discriminator.Update(sum, _preset.Shards) };
            if (report.Finite)
            {
                _strength.Follow(report.RealAccuracy);
            }

            _control?.Observe(report, sum, _discriminator.Layout.Statistics * ElementSize, _discriminator.Type, ElementSize, _preset.Shards);
            if (++_updates < _preset.CriticSteps)
            {
                _discriminator.EndStep();
            }

            return report;
        }

        report = report with { Finite = report.Finite && _generator.Update(sum, _preset.Shards) };
        if (report.Finite)
        {
            _average.Follow(_generator, step);
        }

        _generator.EndStep();
        _discriminator.EndStep();
        _updates = 0;
        NextStep = step + 1;
        return _control is null ? report : Control(_control, report, sum);
    }

    public void Dispose()
    {
        _worker.Dispose();
        _augmenter.Dispose();
        _average.Dispose();
        _discriminator.Dispose();
        _generator.Dispose();
    }

    private void RequireTurn(long step)
    {
        if (step != NextStep)
        {
            throw new InvalidOperationException($"Step {step} is out of turn: step {NextStep} comes next.");
        }
    }

    private void RequireLength(Phase phase, int bytes)
    {
        if (bytes != Elements(phase) * ElementSize)
        {
            throw new ArgumentException($"Phase {phase} needs {Elements(phase) * ElementSize} bytes, not {bytes}.");
        }
    }
}
