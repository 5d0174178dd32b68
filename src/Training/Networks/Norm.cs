using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Ganymede.Training;

/// <summary>
/// What stands between a layer and its activation. A layer before batch norm has no bias: the norm would take it away
/// again. Chosen by the preset's keys <c>…norm</c>.
/// </summary>
public abstract class Norm(string name) : nn.Module<Tensor, Tensor, Tensor>(name)
{
    /// <param name="input">[B, F] or [B, F, H, W].</param>
    /// <param name="label">[B], int64; read only when the norm is conditional.</param>
    /// <returns>The same shape as the input.</returns>
    public abstract override Tensor forward(Tensor input, Tensor label);

    /// <param name="kind">From the preset.</param>
    /// <param name="features">F.</param>
    /// <param name="classes">Y; read only for <see cref="NormKind.ConditionalBatch"/>.</param>
    /// <param name="precision">Element type of parameters and statistics.</param>
    /// <param name="reference">R; read only for <see cref="NormKind.VirtualBatch"/>.</param>
    public static Norm Create(NormKind kind, long features, int? classes, ScalarType precision, int reference = 0) => kind switch
    {
        NormKind.None => new NoNorm(),
        NormKind.Batch => new BatchNorm(features, precision),
        NormKind.ConditionalBatch => new ConditionalBatchNorm(
            features, classes ?? throw new ArgumentException("Conditional batch norm needs a number of classes."), precision),
        NormKind.VirtualBatch => new VirtualBatchNorm(features, reference, precision),
        NormKind.Layer => new LayerNorm(features, precision),
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, null),
    };
}

/// <summary>Batch norm with one learned gain and bias a feature (Ioffe and Szegedy, 2015).</summary>
public sealed class BatchNorm : Norm, IBatchStatistics
{
    private readonly Parameter weight; // F
    private readonly Parameter bias;   // F
    private readonly Tensor running_mean; // F
    private readonly Tensor running_var;  // F
    private readonly GhostStatistics ghost = new();

    public BatchNorm(long features, ScalarType precision) : base(nameof(BatchNorm))
    {
        weight = nn.Parameter(ones(features, dtype: precision));
        bias = nn.Parameter(zeros(features, dtype: precision));
        running_mean = zeros(features, dtype: precision);
        running_var = ones(features, dtype: precision);
        RegisterComponents();
    }

    public GhostStatistics Ghost => ghost;

    public Tensor RunningMean => running_mean;

    public Tensor RunningVariance => running_var;

    public override Tensor forward(Tensor input, Tensor label) => ghost.Normalise(this, input, training, weight, bias);
}

/// <summary>Batch norm whose gain and bias belong to the image's class (Dumoulin, Shlens and Kudlur, 2017).</summary>
public sealed class ConditionalBatchNorm : Norm, IBatchStatistics
{
    private readonly Parameter gain; // Y F
    private readonly Parameter bias; // Y F
    private readonly Tensor running_mean; // F
    private readonly Tensor running_var;  // F
    private readonly GhostStatistics ghost = new();

    public ConditionalBatchNorm(long features, long classes, ScalarType precision) : base(nameof(ConditionalBatchNorm))
    {
        gain = nn.Parameter(ones([classes, features], dtype: precision));
        bias = nn.Parameter(zeros([classes, features], dtype: precision));
        running_mean = zeros(features, dtype: precision);
        running_var = ones(features, dtype: precision);
        RegisterComponents();
    }

    public GhostStatistics Ghost => ghost;

    public Tensor RunningMean => running_mean;

    public Tensor RunningVariance => running_var;

    public override Tensor forward(Tensor input, Tensor label)
    {
        using var scope = NewDisposeScope();
        var normal = ghost.Normalise(this, input, training);
        return Modulate(normal, gain, bias, label).MoveToOuterDisposeScope();
    }

    // normal * gain[label] + bias[label], broadcast over height and width.
    private static Tensor Modulate(Tensor normal, Tensor gain, Tensor bias, Tensor label)
    {
        long[] shape = [normal.shape[0], normal.shape[1], .. Enumerable.Repeat(1L, (int)normal.dim() - 2)]; // B F (1 1)
        return bias.index_select(0, label).view(shape).addcmul(normal, gain.index_select(0, label).view(shape), Scalars.One);
    }
}

/// <summary>The input as it is.</summary>
public sealed class NoNorm() : Norm(nameof(NoNorm))
{
    public override Tensor forward(Tensor input, Tensor label) => input.alias();
}
