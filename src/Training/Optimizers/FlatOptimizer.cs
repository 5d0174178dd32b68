using System.Numerics;
using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace Ganymede.Training;

/// <summary>
/// Updates a network's flat parameters from the sum of its shards' gradients, in one pass on a CPU and by Torch's operations elsewhere.
/// Members hold equal copies: the same sums in the same order give the same bits, whatever the width of SIMD registers.
/// </summary>
public abstract class FlatOptimizer : IDisposable
{
    private readonly FlatLayout _layout;
    private readonly IReadOnlyList<string> _slotNames;
    private protected readonly Tensor[] Slots;

    private protected FlatOptimizer(FlatLayout layout, Device device, params IReadOnlyList<string> slotNames)
    {
        _layout = layout;
        _slotNames = slotNames;
        Slots = [.. slotNames.Select(_ => zeros(layout.Elements, dtype: layout.Type, device: device).DetachFromDisposeScope())];
    }

    /// <summary>Updates made so far.</summary>
    public long Updates { get; private protected set; }

    /// <summary>What the learning rate is multiplied by in the updates to come: <see cref="LearningRateSchedule"/>.</summary>
    public double RateFactor { get; set; } = 1;

    /// <summary>The optimizer a preset asks for, on the buffer's device and type.</summary>
    public static FlatOptimizer Create(OptimizerSettings settings, FlatBuffer buffer) =>
        (settings.Kind, buffer.Layout.Type) switch
        {
            (OptimizerKind.Adam, ScalarType.Float32) => new FlatAdam<float>(settings, buffer.Layout, buffer.Parameters.device),
            (OptimizerKind.Adam, ScalarType.Float64) => new FlatAdam<double>(settings, buffer.Layout, buffer.Parameters.device),
            (OptimizerKind.Sgd, ScalarType.Float32) => new FlatSgd<float>(settings, buffer.Layout, buffer.Parameters.device),
            (OptimizerKind.Sgd, ScalarType.Float64) => new FlatSgd<double>(settings, buffer.Layout, buffer.Parameters.device),
            (OptimizerKind.RmsProp, ScalarType.Float32) => new FlatRmsProp<float>(settings, buffer.Layout, buffer.Parameters.device),
            (OptimizerKind.RmsProp, ScalarType.Float64) => new FlatRmsProp<double>(settings, buffer.Layout, buffer.Parameters.device),
            _ => throw new ArgumentOutOfRangeException(nameof(settings), settings.Kind, null),
        };

    /// <summary>One update of <paramref name="buffer"/>'s parameters; its gradients are not read.</summary>
    /// <param name="gradientSum">Host bytes in the buffer's layout; what follows the parameters' part is ignored.</param>
    /// <param name="scale">What the sum is multiplied by first: 1/V for V shards.</param>
    public void Update(FlatBuffer buffer, ReadOnlySpan<byte> gradientSum, double scale)
    {
        if (buffer.Parameters.device_type == DeviceType.CPU)
        {
            Updates++;
            UpdateOnHost(buffer.ParameterBytes, PartOfParameters(gradientSum), scale);
        }
        else
        {
            UpdateByTorch(buffer, gradientSum, scale);
        }
    }

    /// <summary>One update from <paramref name="buffer"/>'s own gradients, times <paramref name="scale"/>.</summary>
    public void Update(FlatBuffer buffer, double scale)
    {
        Updates++;
        if (buffer.Parameters.device_type == DeviceType.CPU)
        {
            UpdateOnHost(buffer.ParameterBytes, PartOfParameters(buffer.GradientBytes), scale);
            return;
        }

        using var scope = NewDisposeScope();
        using var constant = no_grad();
        using Scalar factor = scale;
        UpdateByTorch(buffer.Parameters, buffer.Gradients.narrow(0, 0, _layout.Elements).mul(factor));
    }

    /// <summary>The other devices' path; it also works on a CPU, where it is slower.</summary>
    internal void UpdateByTorch(FlatBuffer buffer, ReadOnlySpan<byte> gradientSum, double scale)
    {
        Updates++;
        using var scope = NewDisposeScope();
        using var constant = no_grad();
        var gradients = empty_like(buffer.Parameters);
        TensorBytes.CopyFrom(PartOfParameters(gradientSum), gradients);
        UpdateByTorch(buffer.Parameters, gradients.mul_(scale));
    }

    private ReadOnlySpan<byte> PartOfParameters(ReadOnlySpan<byte> gradientSum) => gradientSum[..(_layout.Elements * _layout.ElementSize)];

    /// <summary>A copy of the state: <c>(prefix)step</c>, and for each slot and parameter <c>(prefix)(slot).(parameter)</c>.</summary>
    public IEnumerable<NamedTensor> CaptureState(string prefix, StateMemory? memory = null)
    {
        yield return new NamedTensor(prefix + "step", TensorType.I64, [], MemoryMarshal.AsBytes<long>([Updates]).ToArray());
        foreach (var (name, slot) in _slotNames.Zip(Slots))
            foreach (var tensor in _layout.Split(TensorBytes.Capture(name, slot, memory).Data, $"{prefix}{name}."))
                yield return tensor;
    }

    /// <summary>Takes over a captured state. All of it is checked before anything changes.</summary>
    /// <exception cref="CheckpointException">A tensor is missing, or of another type or shape.</exception>
    public void RestoreState(IReadOnlyDictionary<string, NamedTensor> tensors, string prefix)
    {
        if (!tensors.TryGetValue(prefix + "step", out var step)
            || step is not { Type: TensorType.I64, Shape.Count: 0, Data.Length: sizeof(long) })
            throw new CheckpointException($"tensor {prefix}step is missing or not one whole number");
        var updates = MemoryMarshal.Read<long>(step.Data.Span);
        if (updates < 0)
            throw new CheckpointException($"tensor {prefix}step is {updates}");

        var slots = _slotNames.Select(name => _layout.Join(tensors, $"{prefix}{name}.")).ToList();
        foreach (var (saved, slot) in slots.Zip(Slots))
            TensorBytes.CopyFrom(saved, slot);
        Updates = updates;
    }

    public void Dispose()
    {
        foreach (var slot in Slots)
            slot.Dispose();
        GC.SuppressFinalize(this);
    }

    private protected abstract void UpdateOnHost(Span<byte> parameters, ReadOnlySpan<byte> sum, double scale);
    private protected abstract void UpdateByTorch(Tensor parameters, Tensor gradients);

    private protected static void RequireEqualLengths(int parameters, params ReadOnlySpan<int> others)
    {
        if (others.ContainsAnyExcept(parameters))
            throw new ArgumentException("parameters, gradients and moments differ in length");
    }

    /// <summary>The value in every lane. A layout is padded to 64 bytes, so whole vectors cover it.</summary>
    private protected static Vector<T> Every<T>(double value) where T : unmanaged, IFloatingPointIeee754<T> => new(T.CreateChecked(value));
}
