using TorchSharp;
using static TorchSharp.torch;

namespace Ganymede.Training;

public sealed partial class Replica
{
    private const string GeneratorPrefix = "generator.", DiscriminatorPrefix = "discriminator.";

    /// <summary>
    /// A copy of all tensors that decide how training goes on, at the boundary before <see cref="NextStep"/>: what a
    /// checkpoint stores and a joiner receives. A replica that loads it goes on bit for bit.
    /// </summary>
    /// <param name="memory">Where the copy lies, valid until its next use; null for memory of its own.</param>
    /// <exception cref="InvalidOperationException">The step is half done: D is applied and G is not.</exception>
    public ReplicaState CopyState(StateMemory? memory = null)
    {
        _threads.Enter();
        RequireBoundary();
        memory?.Reset();
        var training = CopyTraining(memory);
        return _control is null ? training : training with { Optimizer = [.. training.Optimizer, .. _control.Capture(memory)] };
    }

    /// <summary>All but what the controller remembers.</summary>
    private ReplicaState CopyTraining(StateMemory? memory) => new(
        Capture(_generator.Network, memory),
        Capture(_discriminator.Network, memory),
        Capture(_average.Network, memory),
        [.. _generator.CaptureState(GeneratorPrefix, memory), .. _discriminator.CaptureState(DiscriminatorPrefix, memory), .. _strength.CaptureState()]);

    /// <summary>
    /// Goes on from a state. Networks are checked before anything changes; a replica that has thrown is not to be used
    /// further.
    /// </summary>
    /// <param name="state">Of a replica with the same preset and number of classes.</param>
    /// <param name="nextStep">The step that comes next.</param>
    /// <exception cref="CheckpointException">A tensor is missing, unknown, or of another type or shape: names it.</exception>
    /// <exception cref="InvalidOperationException">The step is half done: D is applied and G is not.</exception>
    public void LoadState(ReplicaState state, long nextStep)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(nextStep);
        _threads.Enter();
        RequireBoundary();
        var optimizer = RestoreTraining(state);
        if (_control is not null)
        {
            _control.Restore(optimizer);
            Turn(_control.Knobs);
        }

        NextStep = nextStep;
        _worker.Forget();
    }

    /// <returns>The optimizers' part, by name.</returns>
    private Dictionary<string, NamedTensor> RestoreTraining(ReplicaState state)
    {
        var optimizer = ByName(state.Optimizer, "optimizer");
        var pairs = Pairs(_generator.Network, state.Generator, "generator")
            .Concat(Pairs(_discriminator.Network, state.Discriminator, "discriminator"))
            .Concat(Pairs(_average.Network, state.Ema, "ema")).ToList();
        _generator.RestoreState(optimizer, GeneratorPrefix);
        _discriminator.RestoreState(optimizer, DiscriminatorPrefix);
        _strength.RestoreState(optimizer);
        foreach (var (saved, tensor) in pairs)
        {
            TensorBytes.Restore(saved, tensor);
        }

        return optimizer;
    }

    /// <summary>What a checkpoint of this moment says about itself.</summary>
    /// <param name="dataSha256">Hash of the packed data set.</param>
    /// <param name="metrics">Figures worth keeping, by name.</param>
    public CheckpointInfo DescribeState(string dataSha256, IReadOnlyDictionary<string, double> metrics) => new()
    {
        Step = NextStep,
        NextSample = NextSample,
        Preset = _preset,
        Seed = _seed,
        DataSha256 = dataSha256,
        Classes = _data.Classes,
        Metrics = metrics,
        WeightsSha256 = WeightsSha256(),
    };

    /// <summary>One network's tensors, also between the phases of a step: for tests.</summary>
    internal IReadOnlyList<NamedTensor> CopyStateOf(Phase phase) =>
        phase == Phase.Discriminator ? Capture(_discriminator.Network) : Capture(_generator.Network);

    internal static IReadOnlyList<NamedTensor> Capture(nn.Module network, StateMemory? memory = null) =>
        [.. network.state_dict().Select(entry => TensorBytes.Capture(entry.Key, entry.Value, memory))];

    /// <summary>Each tensor of the network with its saved value; types and shapes are checked.</summary>
    internal static List<(NamedTensor Saved, Tensor Tensor)> Pairs(nn.Module network, IReadOnlyList<NamedTensor> saved, string part)
    {
        var byName = ByName(saved, part);
        var state = network.state_dict();
        if (byName.Keys.FirstOrDefault(name => !state.ContainsKey(name)) is { } unknown)
        {
            throw new CheckpointException($"tensor {unknown} of {part} is unknown to the preset's network");
        }

        return [.. state.Select(entry => (byName.TryGetValue(entry.Key, out var found) ? found
            : throw new CheckpointException($"tensor {entry.Key} of {part} is missing"), entry.Value)).Select(Checked)];
    }

    private static (NamedTensor Saved, Tensor Tensor) Checked((NamedTensor Saved, Tensor Tensor) pair)
    {
        var (saved, tensor) = pair;
        var type = TensorBytes.TypeOf(tensor);
        return saved.Type == type && saved.Shape.SequenceEqual(tensor.shape)
            ? pair
            : throw new CheckpointException($"tensor {saved.Name} is {saved.Type} [{string.Join(", ", saved.Shape)}], "
                + $"but the network has {type} [{string.Join(", ", tensor.shape)}]");
    }

    private static Dictionary<string, NamedTensor> ByName(IReadOnlyList<NamedTensor> tensors, string part)
    {
        var byName = new Dictionary<string, NamedTensor>(StringComparer.Ordinal);
        foreach (var tensor in tensors)
        {
            if (!byName.TryAdd(tensor.Name, tensor))
            {
                throw new CheckpointException($"tensor {tensor.Name} of {part} is there twice");
            }
        }

        return byName;
    }

    private void RequireBoundary()
    {
        if (_updates > 0)
        {
            throw new InvalidOperationException($"Step {NextStep} is half done: only between steps is there a state to copy or load.");
        }
    }
}
