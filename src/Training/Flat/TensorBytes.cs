using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace Ganymede.Training;

/// <summary>Moves whole tensors between Torch, on any device, and plain bytes.</summary>
public static class TensorBytes
{
    /// <summary>A copy of <paramref name="tensor"/>'s elements, row-major.</summary>
    /// <param name="memory">Where the copy lies; null for memory of its own.</param>
    public static NamedTensor Capture(string name, Tensor tensor, StateMemory? memory = null)
    {
        var bytes = checked((int)(tensor.NumberOfElements * tensor.ElementSize));
        var data = memory?.Take(bytes) ?? new byte[bytes];
        CopyTo(tensor, data);
        return new NamedTensor(name, TypeOf(tensor), tensor.shape, data);
    }

    /// <summary>Overwrites <paramref name="tensor"/>, in place, so that views of it stay views.</summary>
    /// <exception cref="CheckpointException">Type or shape differ; names the tensor and both.</exception>
    public static void Restore(NamedTensor saved, Tensor tensor)
    {
        if (saved.Type != TypeOf(tensor) || !saved.Shape.SequenceEqual(tensor.shape))
            throw new CheckpointException($"tensor {saved.Name} is {saved.Type} [{string.Join(", ", saved.Shape)}], "
                + $"but the network has {TypeOf(tensor)} [{string.Join(", ", tensor.shape)}]");
        CopyFrom(saved.Data.Span, tensor);
    }

    /// <param name="destination">Of the tensor's size in bytes.</param>
    public static void CopyTo(Tensor tensor, Span<byte> destination)
    {
        using var scope = NewDisposeScope();
        using var constant = no_grad();
        tensor.detach().cpu().contiguous().bytes.CopyTo(destination);
    }

    /// <param name="source">Of the tensor's size in bytes.</param>
    public static void CopyFrom(ReadOnlySpan<byte> source, Tensor tensor)
    {
        if (source.Length != tensor.NumberOfElements * tensor.ElementSize)
            throw new ArgumentException($"{source.Length} bytes for a tensor of {tensor.NumberOfElements * tensor.ElementSize}");
        using var scope = NewDisposeScope();
        using var constant = no_grad();
        if (tensor.device_type == TorchSharp.DeviceType.CPU && tensor.is_contiguous())
        {
            source.CopyTo(tensor.detach().bytes);
            return;
        }

        var host = empty(tensor.shape, dtype: tensor.dtype);
        source.CopyTo(host.bytes);
        tensor.copy_(host);
    }

    /// <summary>The elements of a contiguous CPU tensor themselves, not a copy; valid while the tensor lives.</summary>
    public static Span<T> Elements<T>(Tensor tensor) where T : unmanaged => MemoryMarshal.Cast<byte, T>(tensor.bytes);

    internal static TensorType TypeOf(Tensor tensor) => tensor.dtype switch
    {
        ScalarType.Float32 => TensorType.F32,
        ScalarType.Float64 => TensorType.F64,
        ScalarType.Int64 => TensorType.I64,
        ScalarType.Byte => TensorType.U8,
        var other => throw new NotSupportedException($"tensors of type {other} are not stored"),
    };
}
