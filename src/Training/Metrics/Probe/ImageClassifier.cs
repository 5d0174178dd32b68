using Ganymede.Datasets;
using TorchSharp;
using static TorchSharp.torch;

namespace Ganymede.Training.Metrics;

/// <summary>What a classifier sees in images.</summary>
/// <param name="Features">[N, D].</param>
/// <param name="Probabilities">[N, Y].</param>
public sealed record ImageReading(FeatureMatrix Features, FeatureMatrix Probabilities)
{
    /// <summary>[N], the likeliest class.</summary>
    public int[] Predicted() => [.. Enumerable.Range(0, Probabilities.Rows).Select(row => System.Numerics.Tensors.TensorPrimitives.IndexOfMax(Probabilities.Row(row)))];

    public ImageReading Take(IEnumerable<int> rows)
    {
        var wanted = rows.ToArray();
        return new ImageReading(Features.Take(wanted), Probabilities.Take(wanted));
    }
}

/// <summary>How a classifier is trained.</summary>
/// <param name="Updates">Of its weights, 64 images each, at least 1.</param>
/// <param name="Seed">Decides first weights, order and shifts.</param>
/// <param name="Threads">Torch's; part of what fixes the bits.</param>
public sealed record ClassifierSettings(int Updates, ulong Seed, int Threads);

/// <summary>
/// A small image classifier. As the probe its features stand where others use Inception's, which knows no garments of 32 pixels; as the classifier
/// of a classification accuracy score it is trained anew. On the CPU; the same data and settings give the same bits.
/// </summary>
/// <remarks>Used by one thread, for the same reasons as <see cref="Replica"/>.</remarks>
public sealed class ImageClassifier : IDisposable
{
    private const int BatchSize = 64, ImagesAtOnce = 250;
    private const double LearningRate = 2e-3, LastRateFactor = 0.1, LastPart = 0.3, LabelSmoothing = 0.05, Reach = 1.0 / 16;

    private readonly ProbeNetwork _network;
    private readonly TorchThreads _threads;
    private readonly (int Channels, int Size, int Classes) _kind;

    internal ImageClassifier(int channels, int size, int classes, ClassifierSettings settings)
    {
        _threads = new(settings.Threads);
        _threads.Enter();
        _kind = (channels, size, classes);
        _network = new ProbeNetwork(size, channels, classes, settings.Seed);
        _network.eval();
    }

    internal nn.Module Network => _network;

    /// <summary>
    /// Adam at 2e-3 and for the last 30 % at 2e-4, on images shifted by up to a sixteenth of their size, labels smoothed by 0.05.
    /// </summary>
    /// <param name="images">Square; at least one.</param>
    /// <param name="progress">Told how many updates are done.</param>
    /// <param name="cancel">Looked at before each update.</param>
    public static ImageClassifier Train(ImagePack images, ClassifierSettings settings, Action<int>? progress = null, CancellationToken cancel = default)
    {
        var classifier = new ImageClassifier(images.Channels, images.Height, images.Classes.Count, settings);
        try
        {
            classifier.Fit(images, settings, progress, cancel);
            return classifier;
        }
        catch
        {
            classifier.Dispose();
            throw;
        }
    }

    /// <summary>Features and class probabilities of all images.</summary>
    /// <exception cref="BadDataException">The images are of another size or number of channels.</exception>
    public ImageReading Read(ImagePack images)
    {
        if (images.Channels != _kind.Channels || images.Height != _kind.Size)
            throw new BadDataException($"Images of {images.Channels} x {images.Height} x {images.Width} cannot be read by a classifier of {_kind.Channels} x {_kind.Size} x {_kind.Size}.");
        _threads.Enter();
        var features = new double[images.Count * ProbeNetwork.Features];
        var probabilities = new double[images.Count * _kind.Classes];
        for (var first = 0; first < images.Count; first += ImagesAtOnce)
        {
            using var scope = NewDisposeScope();
            using var constant = no_grad();
            var batch = ImageBatch.Of(images, [.. Enumerable.Range(first, Math.Min(ImagesAtOnce, images.Count - first))]);
            var embedded = _network.Embed(batch);
            Copy(embedded, features, first * ProbeNetwork.Features);
            Copy(_network.Classify(embedded).to(ScalarType.Float64).softmax(1), probabilities, first * _kind.Classes);
        }

        return new ImageReading(new FeatureMatrix(features, ProbeNetwork.Features), new FeatureMatrix(probabilities, _kind.Classes));
    }

    /// <summary>Part of the images whose likeliest class is their label, 0..1.</summary>
    public double Accuracy(ImagePack images) => Accuracy(Read(images), images.Labels);

    public static double Accuracy(ImageReading reading, IReadOnlyList<int> labels) =>
        (double)reading.Predicted().Zip(labels).Count(pair => pair.First == pair.Second) / labels.Count;

    public void Dispose() => _network.Dispose();

    private void Fit(ImagePack images, ClassifierSettings settings, Action<int>? progress, CancellationToken cancel)
    {
        using var flat = new FlatBuffer(_network);
        using var optimizer = FlatOptimizer.Create(new OptimizerSettings(OptimizerKind.Adam, LearningRate), flat);
        using var translation = new Translation(Reach, images.Height, images.Background, ScalarType.Float32, CPU);
        var order = new SampleOrder(images.Count, settings.Seed);
        _network.train();
        for (var update = 0; update < settings.Updates; update++)
        {
            cancel.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            int[] chosen = [.. Enumerable.Range(0, BatchSize).Select(image => order.IndexOf((long)update * BatchSize + image))];
            var random = new CounterRandom(settings.Seed, (ulong)update, shard: 0, RandomPurpose.Evaluation);
            var logits = _network.forward(translation.Apply(ImageBatch.Of(images, chosen), translation.Draw(random, BatchSize)));
            var labels = tensor(chosen.Select(image => (long)images.Labels[image]).ToArray());
            flat.ZeroGradients();
            nn.functional.cross_entropy(logits, labels, label_smoothing: LabelSmoothing).backward();
            optimizer.RateFactor = update < (1 - LastPart) * settings.Updates ? 1 : LastRateFactor;
            optimizer.Update(flat, scale: 1);
            progress?.Invoke(update + 1);
        }

        _network.eval();
    }

    private static void Copy(Tensor rows, double[] values, int position) =>
        TensorBytes.Elements<double>(rows.to(ScalarType.Float64).contiguous()).CopyTo(values.AsSpan(position));
}
