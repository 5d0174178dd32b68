using System.Diagnostics.CodeAnalysis;
using TorchSharp;
using static TorchSharp.torch;

namespace Ganymede.Training;

/// <summary>What a discriminator's head is made of.</summary>
/// <param name="Classes">Y, or null for a discriminator that is told nothing of classes.</param>
/// <param name="Kernels">B of <see cref="MinibatchDiscrimination"/>; 0 is off.</param>
public sealed record HeadSettings(int? Classes, Conditioning Conditioning = Conditioning.Projection, bool SpectralNorm = false, int Kernels = 0);

/// <summary>
/// From a discriminator's last features f [B, P] to its verdict. The score is w f + b; with projection (Miyato and Koyama, 2018) plus e_y f;
/// an auxiliary head (Odena et al., 2017) guesses classes beside it; a semi-supervised one (Salimans et al., 2016, section 5) has the K class
/// logits l alone and the score log sum exp(l), since its class "generated" has the logit 0: D(x) = Z / (Z + 1), Z = sum exp(l).
/// </summary>
/// <remarks>No module itself: its layers bear their names in the network's state as if they were the network's own.</remarks>
[SuppressMessage("Design", "CA1001", Justification = "The network in which the layers are registered disposes them.")]
public sealed class ScoreHead
{
    private readonly MinibatchDiscrimination? _minibatch;
    private readonly Dense? _realness;
    private readonly ClassEmbedding? _classes;
    private readonly Dense? _classifier;

    public ScoreHead(long features, HeadSettings settings, ScalarType precision)
    {
        _minibatch = settings.Kernels > 0 ? new(features, settings.Kernels, precision) : null;
        features += settings.Kernels;
        if (settings.Conditioning != Conditioning.SemiSupervised)
            _realness = new(features, 1, precision, spectralNorm: settings.SpectralNorm);
        if (settings.Classes is not { } count)
            return;
        if (settings.Conditioning == Conditioning.Projection)
            _classes = new(count, features, precision, settings.SpectralNorm);
        else if (settings.Conditioning != Conditioning.Concatenation)
            _classifier = new(features, count, precision, spectralNorm: settings.SpectralNorm);
    }

    /// <summary>Makes the layers the network's own: after its other ones.</summary>
    public void RegisterIn(nn.Module network)
    {
        foreach (var (name, layer) in new (string, nn.Module?)[] { ("minibatch", _minibatch), ("realness", _realness), ("classes", _classes), ("classifier", _classifier) })
            if (layer is not null)
                network.register_module(name, layer);
    }

    /// <param name="features">[B, P].</param>
    /// <param name="label">[B], int64; read by a projection only.</param>
    public Verdict Judge(Tensor features, Tensor label)
    {
        using var scope = NewDisposeScope();
        var seen = _minibatch?.forward(features) ?? features;                    // B P(+K)
        var guesses = _classifier?.forward(seen);                                // B Y
        var score = _realness?.forward(seen).squeeze(1) ?? guesses!.logsumexp(1); // B
        if (_classes is not null)
            score = score.Plus((seen * _classes.forward(label)).sum(dim: [1]));  // B
        return new(score.MoveToOuterDisposeScope(), features.alias().MoveToOuterDisposeScope(), guesses?.MoveToOuterDisposeScope());
    }
}
