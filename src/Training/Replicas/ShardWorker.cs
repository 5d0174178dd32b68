using TorchSharp;
using static TorchSharp.torch;

namespace Ganymede.Training;

/// <summary>
/// The forward and backward passes of one shard. The same step, shard and weights give the same bytes however often and
/// in whatever order it is asked; what it keeps from one call for a later one only saves doing it again.
/// </summary>
internal sealed class ShardWorker : IDisposable
{
    /// <summary>
    /// Generated images are kept with their graph from phase D for phase G, for as many shards as fit into this many
    /// bytes by a rule of thumb: a network's activations take about 64 times the room of its images.
    /// </summary>
    private const long KeptBytes = 512L << 20, ActivationsAnImage = 64;

    private readonly TrainedNetwork<GeneratorNetwork> _generator;
    private readonly TrainedNetwork<DiscriminatorNetwork> _discriminator;
    private readonly ShardPlan _plan;
    private readonly Augmenter _augmenter;
    private readonly Objective _objective;
    private readonly Penalties _penalties;
    private readonly SignalBlock? _signals;
    private readonly int _criticSteps;
    private readonly StatisticsScratch _ofReal;
    private readonly StatisticsScratch _ofFake;
    private readonly Stack<StatisticsScratch> _scratches = new();
    private readonly Dictionary<int, DrawnShard> _drawn = [];
    private readonly Dictionary<int, RealPass> _ahead = [];
    private readonly Stack<byte[]> _gradients = new();
    private readonly int _mostKept;

    public ShardWorker(
        TrainedNetwork<GeneratorNetwork> generator,
        TrainedNetwork<DiscriminatorNetwork> discriminator,
        ShardPlan plan,
        Augmenter augmenter,
        Preset preset,
        SignalBlock? signals)
    {
        _signals = signals;
        (_generator, _discriminator, _plan, _augmenter, _criticSteps) = (generator, discriminator, plan, augmenter, preset.CriticSteps);
        (_objective, _penalties) = (new(preset), new(preset.Regularizer, discriminator, plan));
        (_ofReal, _ofFake) = (discriminator.Statistics.NewScratch(), discriminator.Statistics.NewScratch());
        _mostKept = (int)Math.Max(1, KeptBytes / (plan.ImageElements * generator.ElementSize * ActivationsAnImage));
    }

    public Penalties Penalties => _penalties;

    /// <summary>
    /// D's pass over a shard's real images, before its turn: <see cref="Discriminate"/> of this update and shard goes on
    /// from there. D must be as it will be then. A loss of pairs has no such part.
    /// </summary>
    public void WorkAhead(long update, int shard)
    {
        ForgetAhead(update);
        if (_objective.Separate is null || _ahead.ContainsKey(shard))
        {
            return;
        }

        var pass = LearnReal(update, shard, _objective.Separate);
        pass.Gradients = _gradients.TryPop(out var used) ? used : new byte[_discriminator.GradientBytes];
        _discriminator.CopyGradients(pass.Gradients);
        _ahead.Add(shard, pass);
    }

    /// <summary>
    /// Gradient of D's loss over the shard's b real and b generated images; D's statistics are the mean of its two
    /// passes.
    /// </summary>
    /// <param name="update">Of D: step times criticSteps, and so on.</param>
    public void Discriminate(long update, int shard, Span<byte> buffer)
    {
        ForgetAhead(update);
        using var scope = NewDisposeScope();
        if (_objective.Paired is { } paired)
        {
            LearnPairs(update, shard, paired, buffer);
            return;
        }

        using var real = _ahead.Remove(shard, out var ahead) ? ahead : LearnReal(update, shard, _objective.Separate!);
        if (real.Gradients is { } gradients)
        {
            _discriminator.CollectGradients(true);
            _discriminator.RestoreGradients(gradients);
            _gradients.Push(gradients);
        }

        var drawn = Keep(update, shard, out var isKept);
        var fake = JudgeFake(drawn, update, shard);
        var loss = _objective.Separate!.OfFake(fake.Verdict.Logits);
        fake.Total(loss).backward();

        using var constant = no_grad();
        using var factors = _discriminator.TakeFactors();
        _discriminator.WriteTo(buffer, real.Statistics.Plus(_ofFake.Values).mul(Scalars.Half), shard, real.Factors, factors);
        Write(buffer, real.Figures, Figures.Of(loss, fake, isReal: false));
        _signals?.Measure(drawn.Images, drawn.Labels, fake.Verdict.Guesses, update, buffer);
        if (!isKept)
        {
            Drop(drawn);
        }
    }

    /// <summary>
    /// Gradient of G's loss over the images that D has just learnt from. D is a fixed function here: its parameters
    /// collect nothing.
    /// </summary>
    public void Generate(long step, int shard, Span<byte> buffer)
    {
        var update = (step + 1) * _criticSteps - 1;
        ForgetDrawn(update);
        using var scope = NewDisposeScope();
        _discriminator.CollectGradients(false);
        _discriminator.Statistics.Discard();
        var drawn = _drawn.Remove(shard, out var kept) ? kept : Draw(update, shard);
        _generator.ZeroGradients();
        var verdict = See(drawn.Images, drawn.Labels, Phase.Generator, step, shard, part: 0);
        var loss = _objective.OfGenerator(verdict, _objective.GeneratorNeedsReal ? SeeReal(step, update, shard) : null);
        var classes = _objective.ClassesOfFake(verdict, drawn.Labels);
        Penalties.Sum(loss, classes)!.backward();

        using var constant = no_grad();
        _generator.WriteTo(buffer, drawn.Statistics.Values, shard, drawn.Factors);
        Write(buffer, TrailerSlot.GeneratorLoss, Value(loss));
        Write(buffer, TrailerSlot.FakeAccuracy, Figures.RightOf(verdict.Logits, isReal: false));
        Write(buffer, TrailerSlot.FakeScore, Value(verdict.Logits.mean()));
        Write(buffer, TrailerSlot.ClassLoss, classes is null ? 0 : Value(classes));
        Drop(drawn);
    }

    /// <summary>Forgets what was kept: the weights are others now.</summary>
    public void Forget()
    {
        ForgetAhead(but: -1);
        ForgetDrawn(but: -1);
    }

    public void Dispose()
    {
        Forget();
        _ofReal.Dispose();
        _ofFake.Dispose();
        while (_scratches.TryPop(out var scratch))
        {
            scratch.Dispose();
        }
    }

    /// <summary>Leaves the gradients in D's flat buffer.</summary>
    private RealPass LearnReal(long update, int shard, IGanLoss separate)
    {
        using var scope = NewDisposeScope();
        _discriminator.CollectGradients(true);
        _discriminator.ZeroGradients();
        var real = JudgeReal(update, shard);
        var loss = separate.OfReal(real.Verdict.Logits);
        real.Total(loss).backward();

        using var constant = no_grad();
        return new RealPass
        {
            Update = update,
            Figures = Figures.Of(loss, real, isReal: true),
            Statistics = _ofReal.Values.clone().DetachFromDisposeScope(),
            Factors = _discriminator.TakeFactors(),
        };
    }

    /// <summary>A loss in which real and generated images meet: both passes, and then one gradient of the whole.</summary>
    private void LearnPairs(long update, int shard, IPairedLoss paired, Span<byte> buffer)
    {
        _discriminator.CollectGradients(true);
        _discriminator.ZeroGradients();
        var drawn = Keep(update, shard, out var isKept);
        var real = JudgeReal(update, shard);
        var fake = JudgeFake(drawn, update, shard);
        var loss = paired.OfDiscriminator(real.Verdict.Logits, fake.Verdict.Logits);
        fake.Total(real.Total(loss)).backward();

        using var constant = no_grad();
        _discriminator.WriteTo(buffer, _ofReal.Values.Plus(_ofFake.Values).mul(Scalars.Half), shard);
        Write(buffer, Figures.Of(loss, real, isReal: true), Figures.Of(null, fake, isReal: false));
        _signals?.Measure(drawn.Images, drawn.Labels, fake.Verdict.Guesses, update, buffer);
        if (!isKept)
        {
            Drop(drawn);
        }
    }

    private Judged JudgeReal(long update, int shard)
    {
        var (images, labels) = _plan.Real(update, shard);
        images.requires_grad = _penalties.DifferentiatesReal(update);
        _ofReal.Record();
        var verdict = See(images, labels, Phase.Discriminator, update, shard, part: 0);
        return new(verdict, _objective.ClassesOfReal(verdict, labels), _penalties.OfReal(verdict.Logits, images, labels, update, shard));
    }

    private Judged JudgeFake(DrawnShard drawn, long update, int shard)
    {
        var images = drawn.Images.detach();
        images.requires_grad = _penalties.DifferentiatesFake(update);
        _ofFake.Record();
        var verdict = See(images, drawn.Labels, Phase.Discriminator, update, shard, part: 1);
        return new(verdict, _objective.ClassesOfFake(verdict, drawn.Labels), _penalties.OfFake(verdict.Logits, images, update, shard));
    }

    /// <summary>What D says of the real images in phase G: constants.</summary>
    private Verdict SeeReal(long step, long update, int shard)
    {
        using var constant = no_grad();
        var (images, labels) = _plan.Real(update, shard);
        return See(images, labels, Phase.Generator, step, shard, part: 1);
    }

    private DrawnShard Keep(long update, int shard, out bool isKept)
    {
        ForgetDrawn(update);
        if (_drawn.TryGetValue(shard, out var drawn))
        {
            isKept = true;
            return drawn;
        }

        // G learns from the images of the step's last update only.
        var isForGenerator = (update + 1) % _criticSteps == 0;
        using var constant = isForGenerator ? null : no_grad();
        drawn = Draw(update, shard);
        isKept = isForGenerator && _drawn.Count < _mostKept;
        if (isKept)
        {
            _drawn.Add(shard, drawn);
        }

        return drawn;
    }

    /// <summary>Each shard records into a scratch of its own: a graph that is kept must find what it saved unchanged.</summary>
    private DrawnShard Draw(long update, int shard)
    {
        using var scope = NewDisposeScope();
        var scratch = _scratches.TryPop(out var used) ? used : _generator.Statistics.NewScratch();
        scratch.Record();
        var (noise, labels) = _plan.Imagined(update, shard);
        return new DrawnShard
        {
            Update = update,
            Images = _generator.Network.forward(noise, labels).DetachFromDisposeScope(),
            Labels = labels.DetachFromDisposeScope(),
            Statistics = scratch,
            Factors = _generator.TakeFactors(),
        };
    }

    private void Drop(DrawnShard drawn)
    {
        _scratches.Push(drawn.Statistics);
        drawn.Dispose();
    }

    private void ForgetDrawn(long but) => Forget(_drawn, but, Drop);

    private void ForgetAhead(long but) => Forget(_ahead, but, pass =>
    {
        _gradients.Push(pass.Gradients!);
        pass.Dispose();
    });

    /// <summary>All that is kept is of one update: it goes, unless that is the one wanted.</summary>
    private static void Forget<T>(Dictionary<int, T> kept, long but, Action<T> drop) where T : IOfUpdate
    {
        if (kept.Count == 0 || kept.First().Value.Update == but)
        {
            return;
        }

        foreach (var one in kept.Values)
        {
            drop(one);
        }

        kept.Clear();
    }

    /// <param name="index">D's update, or G's step: it names the augmentation's stream.</param>
    private Verdict See(Tensor images, Tensor labels, Phase phase, long index, int shard, int part) =>
        _discriminator.Network.Judge(_augmenter.Apply(images, _augmenter.Plan(_plan, phase, index, shard, part)), labels);

    private static double Value(Tensor scalar) => scalar.to(ScalarType.Float64).item<double>();

    private void Write(Span<byte> buffer, TrailerSlot slot, double value) => Trailer.Write(buffer, _discriminator.Type, slot, value);

    private void Write(Span<byte> buffer, Figures real, Figures fake)
    {
        Write(buffer, TrailerSlot.RealLoss, real.Loss);
        Write(buffer, TrailerSlot.FakeLoss, fake.Loss);
        Write(buffer, TrailerSlot.RealAccuracy, real.Right);
        Write(buffer, TrailerSlot.FakeAccuracy, fake.Right);
        Write(buffer, TrailerSlot.RealScore, real.Score);
        Write(buffer, TrailerSlot.FakeScore, fake.Score);
        Write(buffer, TrailerSlot.Penalty, real.Penalty + fake.Penalty);
        Write(buffer, TrailerSlot.ClassLoss, real.Classes + fake.Classes);
    }

    private interface IOfUpdate
    {
        /// <summary>Of D.</summary>
        public long Update { get; }
    }

    /// <summary>A pass through D with what is added to the adversarial loss.</summary>
    private sealed record Judged(Verdict Verdict, Tensor? Classes, Tensor? Penalty)
    {
        public Tensor Total(Tensor loss) => Penalties.Sum(Penalties.Sum(loss, Classes), Penalty)!;
    }

    /// <summary>What is reported of a pass.</summary>
    /// <param name="Right">The part of the images that D has right.</param>
    private sealed record Figures(double Loss, double Right, double Score, double Classes, double Penalty)
    {
        public static Figures Of(Tensor? loss, Judged judged, bool isReal) => new(
            loss is null ? 0 : Value(loss),
            RightOf(judged.Verdict.Logits, isReal),
            Value(judged.Verdict.Logits.mean()),
            judged.Classes is null ? 0 : Value(judged.Classes),
            judged.Penalty is null ? 0 : Value(judged.Penalty));

        /// <summary>The part of real images above zero, or of generated ones at zero or below: what is not a number is neither.</summary>
        public static double RightOf(Tensor logits, bool isReal) =>
            Value((isReal ? logits.gt(Scalars.Zero) : logits.le(Scalars.Zero)).to(logits.dtype).mean());
    }

    /// <summary>What D's pass over real images leaves besides the gradients.</summary>
    private sealed class RealPass : IOfUpdate, IDisposable
    {
        public required long Update { get; init; }
        public required Figures Figures { get; init; }
        public required Tensor Statistics { get; init; }
        public required FactoredPass? Factors { get; init; }

        /// <summary>D's gradients, when the pass was made ahead; null while they are in D's flat buffer.</summary>
        public byte[]? Gradients { get; set; }

        public void Dispose()
        {
            Statistics.Dispose();
            Factors?.Dispose();
        }
    }

    /// <summary>Generated images with the graph that leads back to G's parameters.</summary>
    private sealed class DrawnShard : IOfUpdate, IDisposable
    {
        public required long Update { get; init; }
        public required Tensor Images { get; init; }
        public required Tensor Labels { get; init; }
        public required StatisticsScratch Statistics { get; init; }
        public required FactoredPass? Factors { get; init; }

        public void Dispose()
        {
            Images.Dispose();
            Labels.Dispose();
            Factors?.Dispose();
        }
    }
}
