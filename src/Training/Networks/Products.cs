using static TorchSharp.torch;

namespace Ganymede.Training;

/// <summary>
/// Counts the products of convolutions and dense layers that a thread computes forwards: what a network costs, by the layers that it really has.
/// </summary>
internal static class Products
{
    [ThreadStatic]
    private static long _count;

    /// <summary>Called by a layer for its result.</summary>
    /// <param name="each">Products that each element of the result is a sum of.</param>
    public static void Add(Tensor result, long each) => _count += result.numel() * each;

    /// <summary>How many products <paramref name="work"/> computes on this thread.</summary>
    public static long Of(Action work)
    {
        var before = _count;
        work();
        return _count - before;
    }
}
