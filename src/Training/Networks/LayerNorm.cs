using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Ganymede.Training;

/// <summary>
/// Layer norm (Ba, Kiros and Hinton, 2016) over all features and places of a sample, with a gain and a bias a feature: what Gulrajani et al.
/// (2017, section 4) put in place of batch norm, as the gradient penalty is of each sample by itself.
/// </summary>
public sealed class LayerNorm : Norm
{
    private readonly Parameter weight; // F
    private readonly Parameter bias;   // F

    public LayerNorm(long features, ScalarType precision) : base(nameof(LayerNorm))
    {
        weight = nn.Parameter(ones(features, dtype: precision));
        bias = nn.Parameter(zeros(features, dtype: precision));
        RegisterComponents();
    }

    public override Tensor forward(Tensor input, Tensor label) => nn.functional.group_norm(input, 1, weight, bias, GhostStatistics.Epsilon);
}
