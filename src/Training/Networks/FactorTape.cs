using TorchSharp;
using static TorchSharp.torch;

namespace Ganymede.Training;

/// <summary>
/// One pass through a dense layer y = x W^T whose input needs no gradient. After the backward pass the weight's gradient is
/// (dL/dy)^T x: with few rows these two factors are much smaller than the gradient itself (Xie, Kim, Zhou, Ho, Kumar, Yu and Xing,
/// 2016: sufficient factor broadcasting).
/// </summary>
internal sealed class FactoredPass(Tensor input, Tensor output) : IDisposable
{
    /// <summary>x, [b, I].</summary>
    public Tensor Input { get; } = input;

    /// <summary>y, [b, O], where differentiation ends.</summary>
    public Tensor Leaf => output;

    /// <summary>dL/dy, [b, O]; the caller disposes it.</summary>
    public Tensor OutputGradient => output.grad ?? throw new InvalidOperationException("The pass has not been differentiated.");

    public void Dispose()
    {
        Input.Dispose();
        output.Dispose();
    }
}

/// <summary>Where a dense layer leaves the factors of its gradient, instead of adding to the gradient.</summary>
internal sealed class FactorTape : IDisposable
{
    private FactoredPass? _last;

    /// <summary>Set by the layer's trainer, which also takes every pass.</summary>
    public bool IsOn { get; set; }

    /// <returns>The output, as the next layer's input.</returns>
    public Tensor Record(Tensor input, Tensor output)
    {
        if (_last is not null)
            throw new InvalidOperationException("The factors of the pass before were not taken.");
        // The output is a leaf: autograd leaves its gradient there and does not go on to the weight.
        _last = new FactoredPass(input.detach().DetachFromDisposeScope(), output.detach().requires_grad_(true).DetachFromDisposeScope());
        return _last.Leaf.alias();
    }

    /// <summary>The last pass, now the caller's; null when the tape is off.</summary>
    public FactoredPass? Take()
    {
        var taken = _last;
        _last = null;
        return taken;
    }

    public void Dispose() => Take()?.Dispose();
}
