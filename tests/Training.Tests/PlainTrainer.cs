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
        spectral.ForEach(layer => layer.Spectral!.BeginStep(layer.Weight));

        var (images, labels) = Real(step);
        _discriminatorOptimizer.zero_grad();
        var (noise, asked) = Imagined(step);
        var drawn = _generator.forward(noise, asked).detach();
        var (movesOfReal, movesOfFake) = (new List<(int, int)>(), new List<(int, int)>());
        for (var shard = 0; shard < _preset.Shards; shard++)
        {
            var random = Random(step, shard, RandomPurpose.DiscriminatorAugment);
            movesOfReal.AddRange(Moves(random));
            movesOfFake.AddRange(Moves(random));
        }

        var ofReal = RealTerm(_discriminator.forward(Translate(images, movesOfReal), labels));
        var ofFake = FakeTerm(_discriminator.forward(Translate(drawn, movesOfFake), asked));
        (ofReal + ofFake).backward();
        _discriminatorOptimizer.step();

        _generatorOptimizer.zero_grad();
        var moves = Enumerable.Range(0, _preset.Shards).SelectMany(s => Moves(Random(step, s, RandomPurpose.GeneratorAugment))).ToList();
        var ofGenerator = GeneratorTerm(_discriminator.forward(Translate(_generator.forward(noise, asked), moves), asked));
        ofGenerator.backward();
        _generatorOptimizer.step();

        spectral.ForEach(layer => layer.Spectral!.EndStep());
        return (ofReal.item<double>(), ofFake.item<double>(), ofGenerator.item<double>());
    }

    public void Dispose()
    {
        _generatorOptimizer.Dispose();
        _discriminatorOptimizer.Dispose();
        _generator.Dispose();
        _discriminator.Dispose();
    }

    private static optim.Optimizer Optimizer(nn.Module network, OptimizerSettings settings) => settings.Kind == OptimizerKind.Adam
        ? optim.Adam(network.parameters(), settings.LearningRate, settings.Beta1, settings.Beta2)
        : optim.SGD(network.parameters(), settings.LearningRate, settings.Momentum);

    private Tensor RealTerm(Tensor logits) =>
        _preset.Loss == LossKind.Hinge ? (1 - logits).clamp_min(0).mean() : (1 + (-logits).exp()).log().mean();

    private Tensor FakeTerm(Tensor logits) =>
        _preset.Loss == LossKind.Hinge ? (1 + logits).clamp_min(0).mean() : (1 + logits.exp()).log().mean();

    private Tensor GeneratorTerm(Tensor logits) => _preset.Loss == LossKind.Hinge ? -logits.mean() : (1 + (-logits).exp()).log().mean();

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
            var padded = nn.functional.pad(images[TensorIndex.Slice(image, image + 1)] - background, [Reach, Reach, Reach, Reach]) + ground;
            return padded[TensorIndex.Colon, TensorIndex.Colon,
                TensorIndex.Slice(Reach - move.Down, Reach - move.Down + _preset.Size),
                TensorIndex.Slice(Reach - move.Right, Reach - move.Right + _preset.Size)];
        })], 0);
    }
}
