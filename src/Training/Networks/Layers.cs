using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Ganymede.Training;

/// <summary>A layer whose weight may be spectrally normalised.</summary>
public interface ISpectralLayer
{
    /// <summary>The raw weight, outputs first.</summary>
    public Parameter Weight { get; }

    /// <summary>Null when the weight is used as it is.</summary>
    public SpectralNorm? Spectral { get; }
}

/// <summary>Two-dimensional convolution, [B, I, H, W] to [B, O, H', W'].</summary>
public sealed class Convolution : nn.Module<Tensor, Tensor>, ISpectralLayer
{
    private readonly Parameter weight; // O I K K
    private readonly Parameter? bias;  // O
    private readonly SpectralNorm? spectral;
    private readonly long _stride;
    private readonly long _padding;

    public Convolution(
        long inputs, long outputs, long kernel, long stride, long padding, ScalarType precision,
        bool hasBias = true, bool spectralNorm = false)
        : base(nameof(Convolution))
    {
        (_stride, _padding) = (stride, padding);
        weight = nn.Parameter(zeros([outputs, inputs, kernel, kernel], dtype: precision));
        bias = hasBias ? nn.Parameter(zeros(outputs, dtype: precision)) : null;
        spectral = spectralNorm ? new(outputs, inputs * kernel * kernel, precision) : null;
        RegisterComponents();
    }

    public Parameter Weight => weight;

    public SpectralNorm? Spectral => spectral;

    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        var kernel = spectral is null ? weight : spectral.forward(weight);
        var result = nn.functional.conv2d(input, kernel, bias, [_stride, _stride], [_padding, _padding], [1, 1]);
        if (Products.AreCounted)
            Products.Add(result, weight.numel() / weight.shape[0]);
        return result.MoveToOuterDisposeScope();
    }
}

/// <summary>
/// Nearest-neighbour doubling and then a 3x3 convolution with padding 1, as one transposed convolution with kernel 4 and stride 2:
/// [B, I, H, W] to [B, O, 2H, 2W]. An output pixel sees only 2x2 different input pixels, so each of its sums has 4 products, not 9.
/// </summary>
/// <remarks>
/// In one dimension an even output is w0 x[i-1] + (w1 + w2) x[i] and an odd one (w0 + w1) x[i] + w2 x[i+1]; the transposed
/// convolution's kernel is therefore (w2, w1 + w2, w0 + w1, w0), and in two dimensions this in both.
/// </remarks>
public sealed class UpsampleConvolution : nn.Module<Tensor, Tensor>
{
    private readonly Parameter weight; // O I 3 3
    private readonly Parameter? bias;  // O
    private readonly FoldingMatrix folding;

    public UpsampleConvolution(long inputs, long outputs, ScalarType precision, bool hasBias = true)
        : base(nameof(UpsampleConvolution))
    {
        weight = nn.Parameter(zeros([outputs, inputs, 3, 3], dtype: precision));
        bias = hasBias ? nn.Parameter(zeros(outputs, dtype: precision)) : null;
        folding = new();
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        var (outputs, inputs) = (weight.shape[0], weight.shape[1]);
        var kernel = weight.view(outputs * inputs, 9).matmul(folding.For(weight)) // O*I 16
            .view(outputs, inputs, 4, 4).transpose(0, 1).contiguous();            // I O 4 4
        var result = nn.functional.conv_transpose2d(input, kernel, bias, [2, 2], [1, 1], [0, 0], [1, 1]);
        if (Products.AreCounted)
            Products.Add(result, inputs * 4);
        return result.MoveToOuterDisposeScope();
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            folding.Dispose();
        base.Dispose(disposing);
    }

    // Not a field of the module, because every tensor field becomes state.
    private sealed class FoldingMatrix : IDisposable
    {
        private static readonly double[,] Folds = { { 0, 0, 1 }, { 0, 1, 1 }, { 1, 1, 0 }, { 1, 0, 0 } };

        private Tensor? _values; // 9 16

        public Tensor For(Tensor weight)
        {
            if (_values is { } made && made.device_type == weight.device_type && made.device_index == weight.device_index)
                return made;
            _values?.Dispose();
            var values = new double[9 * 16];
            for (var tap = 0; tap < 9; tap++)
                for (var output = 0; output < 16; output++)
                    values[tap * 16 + output] = Folds[output / 4, tap / 3] * Folds[output % 4, tap % 3];
            using var scope = NewDisposeScope();
            using var constant = no_grad();
            return _values = tensor(values, dtype: weight.dtype, device: weight.device).view(9, 16).DetachFromDisposeScope();
        }

        public void Dispose() => _values?.Dispose();
    }
}

/// <summary>
/// Transposed convolution with kernel 4, stride 2 and padding 1 (Keras' "same"): [B, I, H, W] to [B, O, 2H, 2W].
/// </summary>
public sealed class DoublingConvolution : nn.Module<Tensor, Tensor>
{
    private readonly Parameter weight; // I O 4 4
    private readonly Parameter? bias;  // O

    public DoublingConvolution(long inputs, long outputs, ScalarType precision, bool hasBias) : base(nameof(DoublingConvolution))
    {
        weight = nn.Parameter(zeros([inputs, outputs, 4, 4], dtype: precision));
        bias = hasBias ? nn.Parameter(zeros(outputs, dtype: precision)) : null;
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        var result = nn.functional.conv_transpose2d(input, weight, bias, [2, 2], [1, 1], [0, 0], [1, 1]);
        if (Products.AreCounted)
            Products.Add(result, weight.shape[0] * 4);
        return result;
    }
}

/// <summary>Dense layer, [B, I] to [B, O].</summary>
public sealed class Dense : nn.Module<Tensor, Tensor>, ISpectralLayer
{
    private readonly Parameter weight; // O I
    private readonly Parameter? bias;  // O
    private readonly SpectralNorm? spectral;
    private readonly FactorTape tape = new();

    public Dense(long inputs, long outputs, ScalarType precision, bool hasBias = true, bool spectralNorm = false)
        : base(nameof(Dense))
    {
        weight = nn.Parameter(zeros([outputs, inputs], dtype: precision));
        bias = hasBias ? nn.Parameter(zeros(outputs, dtype: precision)) : null;
        spectral = spectralNorm ? new(outputs, inputs, precision) : null;
        RegisterComponents();
    }

    public Parameter Weight => weight;

    public SpectralNorm? Spectral => spectral;

    /// <summary>Records passes instead of collecting a gradient, when it is switched on.</summary>
    internal FactorTape Tape => tape;

    /// <summary>The gradient is nothing but outer products of inputs and outputs' gradients.</summary>
    internal bool IsPlain => bias is null && spectral is null;

    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        if (Products.AreCounted)
            Products.Add(input, weight.shape[0]);
        if (tape.IsOn && is_grad_enabled() && !input.requires_grad)
            return tape.Record(input, nn.functional.linear(input, weight)).MoveToOuterDisposeScope();
        var matrix = spectral is null ? weight : spectral.forward(weight);
        return nn.functional.linear(input, matrix, bias).MoveToOuterDisposeScope();
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            tape.Dispose();
        base.Dispose(disposing);
    }
}

/// <summary>A row of weights for each class, [B] labels to [B, O].</summary>
public sealed class ClassEmbedding : nn.Module<Tensor, Tensor>, ISpectralLayer
{
    private readonly Parameter weight; // Y O
    private readonly SpectralNorm? spectral;

    public ClassEmbedding(long classes, long outputs, ScalarType precision, bool spectralNorm = false)
        : base(nameof(ClassEmbedding))
    {
        weight = nn.Parameter(zeros([classes, outputs], dtype: precision));
        spectral = spectralNorm ? new(classes, outputs, precision) : null;
        RegisterComponents();
    }

    public Parameter Weight => weight;

    public SpectralNorm? Spectral => spectral;

    public override Tensor forward(Tensor label)
    {
        using var scope = NewDisposeScope();
        var rows = spectral is null ? weight : spectral.forward(weight);
        return rows.index_select(0, label).MoveToOuterDisposeScope();
    }
}
