using Ganymede.Datasets;
using Ganymede.Training;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Ganymede.Tests;

/// <summary>
/// The independent check: the same training by plain autograd and torch.optim, one loss over the whole mini-batch,
/// without shards, flat buffers, replicas or anything else that distributes it. Shares with the product the layers, and
/// the random numbers that define the run.
/// </summary>
/// <remarks>Tensors are added by <see cref="Scalars"/>, for the reason given there: this runs often, beside other tests that collect garbage.</remarks>
internal sealed class PlainTrainer : IDisposable
{
    private readonly Preset _preset;
    private readonly ImagePack _data;
    private readonly ulong _seed;
    private readonly GeneratorNetwork _generator;
    private readonly DiscriminatorNetwork _discriminator;
    private readonly optim.Optimizer _generatorOptimizer;
    private readonly optim.Optimizer _discriminatorOptimizer;

    public PlainTrainer(Preset preset, ImagePack data, ulong seed)
    {
        (_preset, _data, _seed) = (preset, data, seed);
        _generator = NetworkFactory.CreateGenerator(preset, data.Classes.Count, seed);
        _discriminator = NetworkFactory.CreateDiscriminator(preset, data.Classes.Count, seed);
        _generatorOptimizer = Optimizer(_generator, preset.GeneratorOptimizer);
        _discriminatorOptimizer = Optimizer(_discriminator, preset.DiscriminatorOptimizer);
    }

    public IEnumerable<(string Name, Tensor Value)> Parameters =>
        [.. _generator.named_parameters().Select(p => ("generator " + p.name, (Tensor)p.parameter)),
         .. _discriminator.named_parameters().Select(p => ("discriminator " + p.name, (Tensor)p.parameter))];

    public (double Real, double Fake, double Generator) Step(long step)
    {
        using var scope = NewDisposeScope();
        var spectral = _discriminator.modules().OfType<ISpectralLayer>().Where(layer => layer.Spectral is not null).ToList();
        var (ofReal, ofFake) = (0.0, 0.0);
        for (var update = step * _preset.CriticSteps; update < (step + 1) * _preset.CriticSteps; update++)
        {
            if (update > step * _preset.CriticSteps)
                spectral.ForEach(layer => layer.Spectral!.EndStep());
            spectral.ForEach(layer => layer.Spectral!.BeginStep(layer.Weight));
            (ofReal, ofFake) = Discriminate(update);
        }

        var last = (step + 1) * _preset.CriticSteps - 1;
        var (noise, asked) = Imagined(last);
        _generatorOptimizer.zero_grad();
        var (moves, movesOfReal) = MovesOf(step, RandomPurpose.GeneratorAugment);
        var fake = _discriminator.forward(Translate(_generator.forward(noise, asked), moves), asked);
        var (images, labels) = Real(last);
        var ofGenerator = _preset.Loss == LossKind.Relativistic
            ? Softplus(_discriminator.forward(Translate(images, movesOfReal), labels).detach().Minus(fake))
            : GeneratorTerm(fake);
        ofGenerator.backward();
        _generatorOptimizer.step();

        spectral.ForEach(layer => layer.Spectral!.EndStep());
        return (ofReal, ofFake, ofGenerator.item<double>());
    }

    private (double Real, double Fake) Discriminate(long update)
    {
        var (images, labels) = Real(update);
        _discriminatorOptimizer.zero_grad();
        var (noise, asked) = Imagined(update);
        var drawn = _generator.forward(noise, asked).detach();
        var (movesOfReal, movesOfFake) = MovesOf(update, RandomPurpose.DiscriminatorAugment);
        var penalties = _preset.Regularizer;
        var isDue = update % penalties.Every == 0;
        images.requires_grad = drawn.requires_grad = isDue;

        var real = _discriminator.forward(Translate(images, movesOfReal), labels);
        var fake = _discriminator.forward(Translate(drawn, movesOfFake), asked);
        var isPaired = _preset.Loss == LossKind.Relativistic;
        var (ofReal, ofFake) = isPaired ? (Softplus(fake.Minus(real)), zeros(1, dtype: ScalarType.Float64).sum()) : (RealTerm(real), FakeTerm(fake));
        var loss = ofReal.Plus(ofFake);
        if (isDue && penalties.R1 > 0)
            loss = loss.Plus(Lengths(real, images).Squared().mean().Times(penalties.Every * penalties.R1 / 2));
        if (isDue && penalties.R2 > 0)
            loss = loss.Plus(Lengths(fake, drawn).Squared().mean().Times(penalties.Every * penalties.R2 / 2));
        if (isDue && penalties.GradientPenalty > 0)
        {
            var parts = Enumerable.Range(0, _preset.Shards).SelectMany(shard =>
            {
                var random = Random(update, shard, RandomPurpose.Interpolation);
                return Enumerable.Range(0, _preset.SamplesPerShard).Select(_ => random.NextDouble()).ToArray();
            }).ToArray();
            var part = tensor(parts).view(-1, 1, 1, 1);
            var points = part.mul(images.detach()).Plus(part.neg().PlusOne().mul(drawn.detach())).requires_grad_(true);
            var excess = Lengths(_discriminator.forward(points, labels), points).Shifted(-1);
            loss = loss.Plus(excess.Squared().mean().Times(penalties.Every * penalties.GradientPenalty));
        }

        loss.backward();
        _discriminatorOptimizer.step();
        if (penalties.Clip > 0)
        {
            using var constant = no_grad();
            var limit = tensor(penalties.Clip);
            foreach (var parameter in _discriminator.parameters())
                parameter.copy_(parameter.minimum(limit).maximum(limit.neg()));
        }

        return (ofReal.item<double>(), ofFake.item<double>());
    }

    private static Tensor Lengths(Tensor logits, Tensor images) =>
        autograd.grad([logits], [images], [ones_like(logits)], retain_graph: true, create_graph: true)[0].flatten(1).Squared().sum(1).sqrt();

    private static Tensor Softplus(Tensor logits) => logits.exp().PlusOne().log().mean();

    private (List<(int, int)> First, List<(int, int)> Second) MovesOf(long index, uint purpose)
    {
        var (first, second) = (new List<(int, int)>(), new List<(int, int)>());
        for (var shard = 0; shard < _preset.Shards; shard++)
        {
            var random = Random(index, shard, purpose);
            first.AddRange(Moves(random));
            second.AddRange(Moves(random));
        }

        return (first, second);
    }

    public void Dispose()
    {
        _generatorOptimizer.Dispose();
        _discriminatorOptimizer.Dispose();
        _generator.Dispose();
        _discriminator.Dispose();
    }

    private static optim.Optimizer Optimizer(nn.Module network, OptimizerSettings settings) => settings.Kind switch
    {
        OptimizerKind.Adam => optim.Adam(network.parameters(), settings.LearningRate, settings.Beta1, settings.Beta2),
        OptimizerKind.RmsProp => optim.RMSProp(network.parameters(), settings.LearningRate, settings.Alpha, momentum: settings.Momentum),
        _ => optim.SGD(network.parameters(), settings.LearningRate, settings.Momentum),
    };

    private Tensor RealTerm(Tensor logits) => _preset.Loss switch
    {
        LossKind.Hinge => logits.neg().PlusOne().clamp_min(Scalars.Zero).mean(),
        LossKind.Wasserstein => -logits.mean(),
        _ => Softplus(-logits),
    };

    private Tensor FakeTerm(Tensor logits) => _preset.Loss switch
    {
        LossKind.Hinge => logits.PlusOne().clamp_min(Scalars.Zero).mean(),
        LossKind.Wasserstein => logits.mean(),
        _ => Softplus(logits),
    };

    private Tensor GeneratorTerm(Tensor logits) =>
        _preset.Loss is LossKind.Hinge or LossKind.Wasserstein ? -logits.mean() : Softplus(-logits);

    private (Tensor Images, Tensor Labels) Real(long step)
    {
        var order = new SampleOrder(_data.Count, _seed);
        var indices = Enumerable.Range(0, _preset.Batch).Select(sample => order.IndexOf(step * _preset.Batch + sample)).ToList();
        var values = indices.SelectMany(index => _data.Image(index).ToArray().Select(pixel => pixel / 127.5 - 1)).ToArray();
        return (tensor(values).view(_preset.Batch, _data.Channels, _data.Height, _data.Width),
            tensor(indices.Select(index => (long)_data.Labels[index]).ToArray()));
    }

    private (Tensor Noise, Tensor Labels) Imagined(long step)
    {
        var (noise, labels) = (new List<double>(), new List<long>());
        for (var shard = 0; shard < _preset.Shards; shard++)
        {
            var values = new double[_preset.SamplesPerShard * _preset.Generator.Noise];
            Random(step, shard, RandomPurpose.Noise).FillNormal(values);
            noise.AddRange(values);
            var random = Random(step, shard, RandomPurpose.Labels);
            labels.AddRange(Enumerable.Range(0, _preset.SamplesPerShard).Select(_ => (long)_data.Labels[random.NextInt(_data.Count)]));
        }

        return (tensor(noise.ToArray()).view(_preset.Batch, -1), tensor(labels.ToArray()));
    }

    private CounterRandom Random(long step, int shard, uint purpose) => new(_seed, (ulong)step, (uint)shard, purpose);

    private int Reach => (int)(_preset.Augment.Translation * _preset.Size + 0.5);

    private IEnumerable<(int Down, int Right)> Moves(CounterRandom random) =>
        [.. Enumerable.Range(0, _preset.SamplesPerShard).Select(_ => (random.NextInt(2 * Reach + 1) - Reach, random.NextInt(2 * Reach + 1) - Reach))];

    // By padding and slicing, unlike the product's gather.
    private Tensor Translate(Tensor images, List<(int Down, int Right)> moves)
    {
        var background = tensor(_data.Background.Select(value => value / 127.5 - 1).ToArray()).view(1, -1, 1, 1);
        var ground = background.expand(1, _data.Channels, _preset.Size + 2 * Reach, _preset.Size + 2 * Reach).clone();
        return cat([.. moves.Select((move, image) =>
        {
            var padded = nn.functional.pad(images[TensorIndex.Slice(image, image + 1)].Minus(background), [Reach, Reach, Reach, Reach]).Plus(ground);
            return padded[TensorIndex.Colon, TensorIndex.Colon,
                TensorIndex.Slice(Reach - move.Down, Reach - move.Down + _preset.Size),
                TensorIndex.Slice(Reach - move.Right, Reach - move.Right + _preset.Size)];
        })], 0);
    }
}
