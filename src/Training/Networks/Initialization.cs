using Ganymede.Datasets;
using TorchSharp;
using static TorchSharp.torch;

namespace Ganymede.Training;

/// <summary>
/// From what distribution a network's weights are drawn at first. Gains start at 1 and biases at 0 with either.
/// </summary>
public enum InitialWeights
{
    /// <summary>N(0, 0.02^2), as DCGAN does it (Radford, Metz and Chintala, 2015).</summary>
    Dcgan,

    /// <summary>N(0, 2 / fan-in) (He, Zhang, Ren and Sun, 2015).</summary>
    He,

    /// <summary>N(0, 2 / (fan-in + fan-out)) (Glorot and Bengio, 2010).</summary>
    Glorot,
}

/// <summary>
/// First values of a network as a pure function of (seed, network), in double precision and then rounded, so that every
/// member starts from the same bits. torch's own generator has no part in it.
/// </summary>
public static class Initialization
{
    /// <summary>Which network's stream of random numbers is meant.</summary>
    public const uint Generator = 0, Discriminator = 1;

    private const double DcganDeviation = 0.02;

    /// <summary>
    /// Overwrites all weights (parameters named <c>weight</c> with two axes or more) and the spectral-norm vectors that
    /// belong to them.
    /// </summary>
    public static void Apply(nn.Module network, InitialWeights distribution, ulong seed, uint stream)
    {
        using var scope = NewDisposeScope();
        using var constant = no_grad();
        ulong position = 0;
        foreach (var (name, parameter) in network.named_parameters())
        {
            if (parameter.dim() > 1 && name.EndsWith("weight", StringComparison.Ordinal))
            {
                var normal = new double[parameter.numel()];
                new CounterRandom(seed, position, stream, RandomPurpose.Initialization).FillNormal(normal);
                using Scalar deviation = Deviation(parameter, distribution);
                parameter.copy_(tensor(normal).mul_(deviation).view(parameter.shape));
            }

            position++;
        }

        position = 0;
        foreach (var layer in SpectralLayers(network))
        {
            layer.Spectral!.Initialize(layer.Weight, new CounterRandom(seed, position++, stream, RandomPurpose.SpectralVectors));
        }
    }

    /// <summary>The layers whose weight is spectrally normalised, in the order of the network's modules.</summary>
    public static IEnumerable<ISpectralLayer> SpectralLayers(nn.Module network) =>
        network.modules().OfType<ISpectralLayer>().Where(layer => layer.Spectral is not null);

    private static double Deviation(Tensor weight, InitialWeights distribution) => distribution switch
    {
        InitialWeights.Dcgan => DcganDeviation,
        InitialWeights.He => Math.Sqrt(2.0 * weight.shape[0] / weight.numel()), // outputs come first, so the rest is the fan-in
        InitialWeights.Glorot => Math.Sqrt(2.0 / (weight.shape[0] + weight.shape[1]) * weight.shape[0] * weight.shape[1] / weight.numel()),
        _ => throw new ArgumentOutOfRangeException(nameof(distribution), distribution, null),
    };
}
