using TorchSharp;
using static TorchSharp.torch;

namespace Ganymede.Training;

/// <summary>w = min(max(w, -c), c) for every parameter of D after each update (Arjovsky, Chintala and Bottou, 2017, algorithm 1).</summary>
internal static class WeightClipping
{
    public static void Apply(Tensor parameters, double limit)
    {
        using var scope = NewDisposeScope();
        using var constant = no_grad();
        using Scalar least = -limit, most = limit;
        parameters.clamp_(least, most);
    }
}
