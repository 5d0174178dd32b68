using Ganymede.Datasets;

namespace Ganymede.Training.Metrics;

/// <summary>
/// Judges a checkpoint's averaged generator. The real images that the probe did not see are cut into two halves: A is what everything is
/// compared with, B against A is the floor, noise against A the ceiling, and as many generated images as B has, with B's labels, against A the figure.
/// </summary>
/// <remarks>Used by one thread.</remarks>
public sealed class Evaluator : IDisposable
{
    /// <summary>Held-out images of a set that comes without others.</summary>
    private const int MostHeldOut = 10_000;
    private const int MemorisationImages = 500;
    private const int LeastOfClass = 16;
    private const int ImagesAtOnce = 50;

    private readonly EvaluationSettings _settings;
    private readonly Action<string> _say;
    private readonly CancellationToken _cancel;
    private readonly ImagePack _training, _fit, _test, _a, _b;
    private readonly bool _testIsForeign;
    private readonly ImageClassifier _probe;
    private readonly ProbeFigures _probeFigures;
    private readonly ImageReading _readA, _readB;
    private QualityCheck? _check;

    /// <summary>Splits the data and has a probe.</summary>
    /// <param name="training">What the GAN was trained on.</param>
    /// <param name="test">Images it has not seen, of the same classes; null holds a part of the training set out from the probe.</param>
    /// <param name="say">Told what is done, now and then.</param>
    /// <exception cref="BadDataException">Too few images, or other classes or sizes.</exception>
    public Evaluator(ImagePack training, ImagePack? test, EvaluationSettings settings, Action<string> say, CancellationToken cancel)
    {
        (_training, _settings, _say, _cancel, _testIsForeign) = (training, settings, say, cancel, test is not null);
        if (test is null)
        {
            var shuffled = Packs.Shuffled(training, settings.Seed);
            var heldOut = Math.Min(training.Count / 2, MostHeldOut);
            _test = Part(shuffled, 0, heldOut);
            _fit = Part(shuffled, heldOut, shuffled.Count - heldOut);
        }
        else
        {
            RequireAlike(training, test);
            (_test, _fit) = (Packs.Shuffled(test, settings.Seed), training);
        }

        var side = Math.Min(_test.Count / 2, settings.Count);
        if (side < EvaluationSettings.Least)
            throw new BadDataException($"{_test.Count} real images are held out: at least {2 * EvaluationSettings.Least} are needed to compare with.");
        (_a, _b) = (Part(_test, 0, side), Part(_test, side, side));
        _probe = ProbeCache.LoadOrTrain(
            _fit, Classifier(settings.Seed), settings.ProbeFolder, done => Progress("Training the probe", done), cancel, out var wasThere);
        var read = _probe.Read(_test);
        (_readA, _readB) = (read.Take(Enumerable.Range(0, side)), read.Take(Enumerable.Range(side, side)));
        _probeFigures = new ProbeFigures(ImageClassifier.Accuracy(read, _test.Labels), _fit.Count, _test.Count, settings.Updates, wasThere);
        _say($"Probe: {_probeFigures.Accuracy:0.0 %} of {_test.Count:N0} held-out images right{(wasThere ? " (kept from an earlier evaluation)" : "")}");
    }

    /// <summary>A quick look at a checkpoint: one of several of the same run, or of runs that are to be told apart.</summary>
    /// <param name="images">Generated ones, and as many real ones; the first glance decides.</param>
    public CheckpointFigures Glance(Checkpoint checkpoint, int images = 500)
    {
        using var drawer = new ImageDrawer(checkpoint, "cpu", _settings.Threads);
        _check ??= new QualityCheck(_probe, _a, drawer.Conditional, images);
        return new CheckpointFigures(checkpoint.Info.Step, _check.Measure(Draw(drawer, _check.Labels, "")), _check.Labels.Count);
    }

    /// <summary>All figures of a checkpoint.</summary>
    /// <param name="checkpoints">Glances at this and other checkpoints, ascending; become part of the result.</param>
    /// <param name="nearest">The generated images nearest to a training image by pixels, the nearest first.</param>
    public EvaluationResult Evaluate(Checkpoint checkpoint, IReadOnlyList<CheckpointFigures> checkpoints, out IReadOnlyList<NearestPair> nearest)
    {
        using var drawer = new ImageDrawer(checkpoint, "cpu", _settings.Threads);
        var count = drawer.Conditional ? Math.Max(_b.Count, Math.Min(_settings.Count, _fit.Count)) : _b.Count; // more are for the classifier
        var drawn = Draw(drawer, [.. Enumerable.Range(0, count).Select(image => _b.Labels[image % _b.Count])], "Drawing");
        var generated = Part(drawn, 0, _b.Count);

        _say("Reading features");
        var (real, other, made, noise) = (_readA, _readB, _probe.Read(generated), _probe.Read(Packs.Noise(_b, _settings.Seed)));
        _cancel.ThrowIfCancellationRequested();
        _say($"Distances between {_b.Count:N0} images and as many");
        Bounded Each(Func<ImageReading, double> figure) => new(figure(made), figure(other), figure(noise));
        var manifold = new Manifold(real.Features);
        var spread = QualityCheck.Spread(real.Features, _a.Labels, drawer.Conditional);
        var result = new EvaluationResult(
            _b.Count, _probeFigures,
            Each(side => FrechetDistance.Between(real.Features, side.Features)),
            new(KernelDistance.Between(real.Features, made.Features), KernelDistance.Between(real.Features, other.Features), KernelDistance.Between(real.Features, noise.Features)),
            new(manifold.Compare(made.Features), manifold.Compare(other.Features), manifold.Compare(noise.Features)),
            Each(side => InceptionScore.Of(side.Probabilities)),
            Each(side => QualityCheck.Spread(side.Features, _b.Labels, drawer.Conditional) / spread),
            drawer.Conditional ? ImageClassifier.Accuracy(made, generated.Labels) : null,
            Memorised(generated, made, out nearest),
            drawer.Conditional ? Score(drawn) : null,
            drawer.Conditional ? [.. _training.Classes.Select((name, label) => OfClass(name, label, real, other, made))] : [],
            checkpoints);
        return result;
    }

    public void Dispose() => _probe.Dispose();

    private ClassFigures OfClass(string name, int label, ImageReading real, ImageReading other, ImageReading made)
    {
        int[] inA = [.. Of(_a, label)], inB = [.. Of(_b, label)]; // generated images have B's labels
        var count = Math.Min(inA.Length, inB.Length);
        var predicted = made.Predicted();
        var agreement = inB.Length == 0 ? (double?)null : (double)inB.Count(row => predicted[row] == label) / inB.Length;
        if (count < LeastOfClass)
            return new ClassFigures(name, count, null, null, null, agreement);
        FeatureMatrix Some(ImageReading reading, int[] rows) => reading.Features.Take(rows.Take(count));
        var (a, b, g) = (Some(real, inA), Some(other, inB), Some(made, inB));
        return new ClassFigures(
            name, count, FrechetDistance.Between(a, g), FrechetDistance.Between(a, b),
            Diversity.MeanPairwiseDistance(g) / Diversity.MeanPairwiseDistance(a), agreement);
    }

    private MemorisationResult Memorised(ImagePack generated, ImageReading made, out IReadOnlyList<NearestPair> nearest)
    {
        _say("Nearest training images");
        var count = Math.Min(MemorisationImages, generated.Count);
        var some = Part(generated, 0, count);
        var known = _probe.Read(_training).Features;

        // Without images that the GAN has not seen, a training image and the others stand for an unseen one and the training set.
        var order = new SampleOrder(_training.Count, _settings.Seed);
        int[]? self = _testIsForeign ? null : [.. Enumerable.Range(0, count).Select(position => order.IndexOf(position))];
        var real = self is null ? Part(_b, 0, count) : Packs.Take(_training, self);
        var byPixels = Memorisation.Nearest(some, _training);
        nearest = [.. byPixels.Select((one, row) => new NearestPair(some.Image(row).ToArray(), some.Labels[row], one.Training, one.Distance)).OrderBy(pair => pair.Distance)];
        return new MemorisationResult(
            Memorisation.Compare(Memorisation.Nearest(made.Features.Slice(0, count), known), Memorisation.Nearest(self is null ? _readB.Features.Slice(0, count) : known.Take(self), known, self)),
            Memorisation.Compare(byPixels, Memorisation.Nearest(real, _training, self)),
            count, _testIsForeign);
    }

    private AccuracyScore Score(ImagePack generated)
    {
        var count = Math.Min(generated.Count, _fit.Count);
        double Trained(ImagePack on, string what)
        {
            using var classifier = ImageClassifier.Train(on, Classifier(_settings.Seed + 1), done => Progress($"Training a classifier on {what} images", done), _cancel);
            return classifier.Accuracy(_test);
        }

        var accuracy = Trained(Part(generated, 0, count), "generated");
        return new AccuracyScore(
            accuracy, Trained(Part(Packs.Shuffled(_fit, _settings.Seed), 0, count), "real"), count, _test.Count, Math.Sqrt(accuracy * (1 - accuracy) / _test.Count));
    }

    private ImagePack Draw(ImageDrawer drawer, IReadOnlyList<int> labels, string what)
    {
        var pixels = new byte[labels.Count * _training.ImageBytes];
        for (var first = 0; first < labels.Count; first += ImagesAtOnce)
        {
            _cancel.ThrowIfCancellationRequested();
            long[] indices = [.. Enumerable.Range(first, Math.Min(ImagesAtOnce, labels.Count - first)).Select(image => (long)image)];
            drawer.Draw(_settings.Seed, indices, [.. indices.Select(index => labels[(int)index])]).CopyTo(pixels, first * _training.ImageBytes);
            if (what.Length > 0 && first / ImagesAtOnce % 20 == 0)
                _say($"{what} {labels.Count:N0} images: {first + indices.Length:N0}");
        }

        return Packs.Like(_training, [.. labels], pixels);
    }

    private ClassifierSettings Classifier(ulong seed) => new(_settings.Updates, seed, _settings.Threads);

    private void Progress(string what, int done)
    {
        if (done % Math.Max(1, _settings.Updates / 5) == 0)
            _say($"{what}: {done:N0} of {_settings.Updates:N0} updates");
    }

    private static IEnumerable<int> Of(ImagePack pack, int label) => Enumerable.Range(0, pack.Count).Where(image => pack.Labels[image] == label);

    private static ImagePack Part(ImagePack pack, int first, int count) => Packs.Take(pack, Enumerable.Range(first, Math.Min(count, pack.Count - first)));

    private static void RequireAlike(ImagePack training, ImagePack test)
    {
        if (!training.Classes.SequenceEqual(test.Classes))
            throw new BadDataException($"--data: its classes are {string.Join(", ", test.Classes)}; the run's are {string.Join(", ", training.Classes)}.");
        if (training.Channels != test.Channels || training.Height != test.Height || training.Width != test.Width)
            throw new BadDataException($"--data: images of {test.Channels} x {test.Height} x {test.Width}; the run's are {training.Channels} x {training.Height} x {training.Width}.");
    }
}
