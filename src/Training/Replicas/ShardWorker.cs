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
    private readonly Translation _translation;
    private readonly IGanLoss _loss;
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
        Translation translation,
        IGanLoss loss)
    {
        (_generator, _discriminator, _plan, _translation, _loss) = (generator, discriminator, plan, translation, loss);
        (_ofReal, _ofFake) = (discriminator.Statistics.NewScratch(), discriminator.Statistics.NewScratch());
        _mostKept = (int)Math.Max(1, KeptBytes / (plan.ImageElements * generator.ElementSize * ActivationsAnImage));
    }

    /// <summary>
    /// D's pass over a shard's real images, before its turn: <see cref="Discriminate"/> of this step and shard goes on
    /// from there. D must be as it will be then.
    /// </summary>
    public void WorkAhead(long step, int shard)
    {
        ForgetAhead(step);
        if (_ahead.ContainsKey(shard))
        {
            return;
        }

        var pass = LearnReal(step, shard);
        pass.Gradients = _gradients.TryPop(out var used) ? used : new byte[_discriminator.GradientBytes];
        _discriminator.CopyGradients(pass.Gradients);
        _ahead.Add(shard, pass);
    }

    /// <summary>
    /// Gradient of D's loss over the shard's b real and b generated images; D's statistics are the mean of its two
    /// passes.
    /// </summary>
    public void Discriminate(long step, int shard, Span<byte> buffer)
    {
        ForgetAhead(step);
        using var scope = NewDisposeScope();
        using var real = _ahead.Remove(shard, out var ahead) ? ahead : LearnReal(step, shard);
        if (real.Gradients is { } gradients)
        {
            _discriminator.CollectGradients(true);
            _discriminator.RestoreGradients(gradients);
            _gradients.Push(gradients);
        }

        var drawn = Keep(step, shard, out var isKept);
        _ofFake.Record();
        var (loss, logits) = Score(drawn.Images.detach(), drawn.Labels, Shifts(Phase.Discriminator, step, shard, part: 1), _loss.OfFake);
        loss.backward();

        using var constant = no_grad();
        using var factors = _discriminator.TakeFactors();
        _discriminator.WriteTo(buffer, real.Statistics.Plus(_ofFake.Values).mul(Scalars.Half), shard, real.Factors, factors);
        Write(buffer, TrailerSlot.RealLoss, real.Loss);
        Write(buffer, TrailerSlot.FakeLoss, Value(loss));
        Write(buffer, TrailerSlot.RealAccuracy, real.Accuracy);
        Write(buffer, TrailerSlot.FakeAccuracy, Value(logits.le(Scalars.Zero).to(_discriminator.Type).mean()));
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
        ForgetDrawn(step);
        using var scope = NewDisposeScope();
        _discriminator.CollectGradients(false);
        _discriminator.Statistics.Discard();
        var drawn = _drawn.Remove(shard, out var kept) ? kept : Draw(step, shard);
        _generator.ZeroGradients();
        var (loss, logits) = Score(drawn.Images, drawn.Labels, Shifts(Phase.Generator, step, shard, part: 0), _loss.OfGenerator);
        loss.backward();

        using var constant = no_grad();
        _generator.WriteTo(buffer, drawn.Statistics.Values, shard, drawn.Factors);
        Write(buffer, TrailerSlot.GeneratorLoss, Value(loss));
        Write(buffer, TrailerSlot.FakeAccuracy, Value(logits.le(Scalars.Zero).to(_generator.Type).mean()));
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
    private RealPass LearnReal(long step, int shard)
    {
        using var scope = NewDisposeScope();
        _discriminator.CollectGradients(true);
        _discriminator.ZeroGradients();
        var (images, labels) = _plan.Real(step, shard);
        _ofReal.Record();
        var (loss, logits) = Score(images, labels, Shifts(Phase.Discriminator, step, shard, part: 0), _loss.OfReal);
        loss.backward();

        using var constant = no_grad();
        return new RealPass
        {
            Step = step,
            Loss = Value(loss),
            Accuracy = Value(logits.gt(Scalars.Zero).to(_discriminator.Type).mean()),
            Statistics = _ofReal.Values.clone().DetachFromDisposeScope(),
            Factors = _discriminator.TakeFactors(),
        };
    }

    private DrawnShard Keep(long step, int shard, out bool isKept)
    {
        ForgetDrawn(step);
        if (_drawn.TryGetValue(shard, out var drawn))
        {
            isKept = true;
            return drawn;
        }

        drawn = Draw(step, shard);
        isKept = _drawn.Count < _mostKept;
        if (isKept)
        {
            _drawn.Add(shard, drawn);
        }

        return drawn;
    }

    /// <summary>Each shard records into a scratch of its own: a graph that is kept must find what it saved unchanged.</summary>
    private DrawnShard Draw(long step, int shard)
    {
        using var scope = NewDisposeScope();
        var scratch = _scratches.TryPop(out var used) ? used : _generator.Statistics.NewScratch();
        scratch.Record();
        var (noise, labels) = _plan.Imagined(step, shard);
        return new DrawnShard
        {
            Step = step,
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

    /// <summary>All that is kept is of one step: it goes, unless that is the step wanted.</summary>
    private static void Forget<T>(Dictionary<int, T> kept, long but, Action<T> drop) where T : IOfStep
    {
        if (kept.Count == 0 || kept.First().Value.Step == but)
        {
            return;
        }

        foreach (var one in kept.Values)
        {
            drop(one);
        }

        kept.Clear();
    }

    /// <summary>The shifts of the phase's first or second b images: one stream, in this order.</summary>
    private (int Down, int Right)[] Shifts(Phase phase, long step, int shard, int part)
    {
        var random = _plan.Augmentation(phase, step, shard);
        for (var before = 0; before < part; before++)
        {
            _translation.Draw(random, _plan.Samples);
        }

        return _translation.Draw(random, _plan.Samples);
    }

    private (Tensor Loss, Tensor Logits) Score(
        Tensor images, Tensor labels, IReadOnlyList<(int Down, int Right)> shifts, Func<Tensor, Tensor> loss)
    {
        var logits = _discriminator.Network.forward(_translation.Apply(images, shifts), labels);
        return (loss(logits), logits);
    }

    private static double Value(Tensor scalar) => scalar.to(ScalarType.Float64).item<double>();

    private void Write(Span<byte> buffer, TrailerSlot slot, double value) => Trailer.Write(buffer, _discriminator.Type, slot, value);

    private interface IOfStep
    {
        public long Step { get; }
    }

    /// <summary>What D's pass over real images leaves besides the gradients.</summary>
    private sealed class RealPass : IOfStep, IDisposable
    {
        public required long Step { get; init; }
        public required double Loss { get; init; }
        public required double Accuracy { get; init; }
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
    private sealed class DrawnShard : IOfStep, IDisposable
    {
        public required long Step { get; init; }
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
