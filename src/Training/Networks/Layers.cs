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
        return nn.functional.conv2d(input, kernel, bias, [_stride, _stride], [_padding, _padding], [1, 1])
            .MoveToOuterDisposeScope();
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

    public override Tensor forward(Tensor input) =>
        nn.functional.conv_transpose2d(input, weight, bias, [2, 2], [1, 1], [0, 0], [1, 1]);
}

/// <summary>Dense layer, [B, I] to [B, O].</summary>
public sealed class Dense : nn.Module<Tensor, Tensor>, ISpectralLayer
{
    private readonly Parameter weight; // O I
    private readonly Parameter? bias;  // O
    private readonly SpectralNorm? spectral;

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

    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        var matrix = spectral is null ? weight : spectral.forward(weight);
        return nn.functional.linear(input, matrix, bias).MoveToOuterDisposeScope();
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
