using static TorchSharp.torch;

namespace Ganymede.Training;

/// <summary>
/// A network's parameters and gradients in two flat tensors, of which the network's own are views: the optimizer is one pass,
/// a gradient goes onto a socket as it lies. Make it after the network has its device and type; only in-place changes of the
/// parameters keep the views, so no <c>to</c>, and no <c>zero_grad</c> (it drops the gradients): use <see cref="ZeroGradients"/>.
/// </summary>
public sealed class FlatBuffer : IDisposable
{
    private readonly Tensor _parameters;
    private readonly Tensor _gradients;

    /// <param name="network">All its parameters must have one type and one device. It stays the caller's.</param>
    /// <param name="gradientTail">Elements to reserve behind the gradients, zero, for whatever travels with them.</param>
    public FlatBuffer(nn.Module network, int gradientTail = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(gradientTail);
        var named = network.named_parameters().ToDictionary(parameter => parameter.name, parameter => parameter.parameter);
        var ordered = network.state_dict().Keys.Where(named.ContainsKey).Select(name => (Name: name, Parameter: named[name])).ToList();
        if (ordered.Count == 0)
            throw new ArgumentException("a network without parameters has no flat buffer");
        var first = ordered[0].Parameter;
        if (ordered.FirstOrDefault(p => !AlikeInTypeAndDevice(p.Parameter, first)).Name is { } odd)
            throw new ArgumentException($"parameter {odd} has another type or device than {ordered[0].Name}");

        Layout = new FlatLayout(ordered.Select(p => (p.Name, p.Parameter.shape)), first.dtype);
        using var scope = NewDisposeScope();
        using var constant = no_grad();
        _parameters = zeros(Layout.Elements, dtype: first.dtype, device: first.device).DetachFromDisposeScope();
        _gradients = zeros(Layout.Elements + gradientTail, dtype: first.dtype, device: first.device).DetachFromDisposeScope();
        foreach (var ((_, parameter), entry) in ordered.Zip(Layout.Entries))
        {
            var view = View(_parameters, entry);
            view.copy_(parameter);
            parameter.set_(view);
            parameter.grad = View(_gradients, entry);
        }
    }

    public FlatLayout Layout { get; }

    /// <summary>[Layout.Elements].</summary>
    public Tensor Parameters => _parameters;

    /// <summary>[Layout.Elements + tail]; <c>backward</c> adds to it.</summary>
    public Tensor Gradients => _gradients;

    /// <summary>The parameters' own memory. CPU only.</summary>
    public Span<byte> ParameterBytes => _parameters.bytes;

    /// <summary>The gradients' own memory, tail included. CPU only.</summary>
    public Span<byte> GradientBytes => _gradients.bytes;

    /// <summary>Sets gradients and tail to zero.</summary>
    public void ZeroGradients()
    {
        using var constant = no_grad();
        _gradients.zero_().Dispose();
    }

    /// <summary>Frees the flat tensors' handles; their memory goes once the network is gone too.</summary>
    public void Dispose()
    {
        _parameters.Dispose();
        _gradients.Dispose();
    }

    // Device has no equality of its own.
    private static bool AlikeInTypeAndDevice(Tensor one, Tensor other) =>
        one.dtype == other.dtype && one.device_type == other.device_type && one.device_index == other.device_index;

    private static Tensor View(Tensor flat, FlatEntry entry) => flat.narrow(0, entry.Offset, entry.Count).view([.. entry.Shape]);
}
