using TorchSharp;
using static TorchSharp.torch;

namespace Ganymede.Training;

/// <summary>
/// The generator that draws what users see: an exponential moving average of the trained one's parameters and running statistics,
/// average = decay * average + (1 - decay) * trained after each step, in evaluation mode.
/// </summary>
internal sealed class MovingAverage : IDisposable
{
    private readonly double _decay;

    /// <param name="network">Equal to the trained generator; owned.</param>
    /// <param name="decay">The preset's <c>ema</c>, 0..1; 0 follows the trained generator exactly.</param>
    /// <param name="device">Where the trained generator is.</param>
    public MovingAverage(GeneratorNetwork network, double decay, Device device)
    {
        Network = network;
        _decay = decay;
        network.to(device);
        network.eval();
        foreach (var parameter in network.parameters())
        {
            parameter.requires_grad = false;
        }

        Flat = new(network);
        Statistics = new(network, Flat.Layout.Type, device);
    }

    public GeneratorNetwork Network { get; }

    public FlatBuffer Flat { get; }

    public RunningStatistics Statistics { get; }

    /// <summary>
    /// Decay of step t (from 0): min(decay, (1 + t) / (10 + t)), so that the untrained weights of the start are soon
    /// forgotten.
    /// </summary>
    public static double DecayOf(double decay, long step) => Math.Min(decay, (1.0 + step) / (10.0 + step));

    public void Follow(TrainedNetwork<GeneratorNetwork> trained, long step)
    {
        using var constant = no_grad();
        var decay = DecayOf(_decay, step);
        using Scalar keep = decay, gain = 1 - decay;
        Flat.Parameters.mul_(keep).add_(trained.Flat.Parameters, gain);
        Statistics.Values.mul_(keep).add_(trained.Statistics.Values, gain);
    }

    public void Dispose()
    {
        Statistics.Dispose();
        Flat.Dispose();
        Network.Dispose();
    }
}
