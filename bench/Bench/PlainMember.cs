using Ganymede.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Ganymede.Bench;

/// <summary>
/// The loop that a TorchSharp user would write for the same networks and losses, in one process: one mini-batch, parameters where
/// they are, <c>zero_grad</c>, <c>backward</c>, the stock optimizer. As in PyTorch's DCGAN example, images are drawn once a step, for both networks.
/// </summary>
internal sealed class PlainMember : ITeamMember
{
    private readonly StepSettings _settings;
    private readonly GeneratorNetwork _generator;
    private readonly DiscriminatorNetwork _discriminator;
    private readonly optim.Optimizer _generatorOptimizer;
    private readonly optim.Optimizer _discriminatorOptimizer;
    private readonly IGanLoss _loss;
    private readonly Translation _translation;
    private readonly List<ISpectralLayer> _spectral;
    private readonly Tensor _images;
    private readonly Tensor _labels;
    private ulong _step;

    public PlainMember(IReadOnlyList<string> settings)
    {
        NativeBackend.EnsureLoaded();
        _settings = StepSettings.Parse(settings, members: 1);
        set_num_threads(_settings.Threads);
        var (preset, pack) = (_settings.Preset, _settings.Images());
        _generator = NetworkFactory.CreateGenerator(preset, pack.Classes.Count, seed: 7);
        _discriminator = NetworkFactory.CreateDiscriminator(preset, pack.Classes.Count, seed: 7);
        _generatorOptimizer = Optimizer(_generator, preset.GeneratorOptimizer);
        _discriminatorOptimizer = Optimizer(_discriminator, preset.DiscriminatorOptimizer);
        if (preset is not { Loss: LossKind.Hinge or LossKind.NonSaturating, CriticSteps: 1, Regularizer.DifferentiatesInputs: false })
        {
            throw new ArgumentException($"preset {preset.Name}: the plain loop knows hinge and non-saturating losses without penalties only");
        }

        _loss = GanLoss.Create(preset.Loss);
        _translation = new Translation(preset.Augment.Translation, preset.Size, pack.Background, ScalarType.Float32, CPU);
        _spectral = [.. Initialization.SpectralLayers(_discriminator), .. Initialization.SpectralLayers(_generator)];
        _images = tensor(Enumerable.Range(0, pack.Count).SelectMany(image => pack.Image(image).ToArray()).ToArray())
            .to(float32).div(127.5f).sub(1).view(-1, preset.Channels, preset.Size, preset.Size);
        _labels = tensor(pack.Labels.ToArray()).to(int64);
    }

    public int Port => 0;

    public void Connect(IReadOnlyList<int> ports)
    {
    }

    public void Prepare(int bytes)
    {
    }

    public void Barrier()
    {
    }

    public void Round()
    {
        using var scope = NewDisposeScope();
        var batch = _settings.Preset.Batch;
        using (no_grad())
        {
            _spectral.ForEach(layer => layer.Spectral!.BeginStep(layer.Weight));
        }

        var chosen = randint(0, _images.shape[0], batch, dtype: int64);
        var labels = _labels.index_select(0, chosen);
        var drawn = _generator.forward(randn(batch, _settings.Preset.Generator.Noise), labels);

        _discriminatorOptimizer.zero_grad();
        var real = _loss.OfReal(_discriminator.forward(Moved(_images.index_select(0, chosen)), labels));
        var fake = _loss.OfFake(_discriminator.forward(Moved(drawn.detach()), labels));
        real.add(fake).backward();
        _discriminatorOptimizer.step();

        CollectGradients(false);
        _generatorOptimizer.zero_grad();
        _loss.OfGenerator(_discriminator.forward(Moved(drawn), labels)).backward();
        _generatorOptimizer.step();
        CollectGradients(true);
        _spectral.ForEach(layer => layer.Spectral!.EndStep());
        _step++;
    }

    public void Dispose()
    {
        _translation.Dispose();
        _generatorOptimizer.Dispose();
        _discriminatorOptimizer.Dispose();
        _generator.Dispose();
        _discriminator.Dispose();
    }

    private void CollectGradients(bool collect)
    {
        foreach (var parameter in _discriminator.parameters())
        {
            parameter.requires_grad = collect;
        }
    }

    private Tensor Moved(Tensor images) => _translation.Apply(
        images, _translation.Draw(new Datasets.CounterRandom(3, _step, 0, Datasets.RandomPurpose.DiscriminatorAugment), (int)images.shape[0]));

    private static optim.Optimizer Optimizer(nn.Module network, OptimizerSettings settings) => settings.Kind == OptimizerKind.Adam
        ? optim.Adam(network.parameters(), settings.LearningRate, settings.Beta1, settings.Beta2)
        : optim.SGD(network.parameters(), settings.LearningRate, settings.Momentum);
}
