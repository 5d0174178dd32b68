using static TorchSharp.torch;

namespace Ganymede.Training;

/// <summary>
/// Counts the products of convolutions and dense layers that a thread computes forwards: what a network costs, by the layers that it really has. Costs
/// nothing when nobody asks, as in training.
/// </summary>
internal static class Products
{
    [ThreadStatic]
    private static bool _areCounted;

    [ThreadStatic]
    private static long _count;

    /// <summary>Whether a layer is to call <see cref="Add"/>.</summary>
    public static bool AreCounted => _areCounted;

    /// <summary>Called by a layer for its result.</summary>
    /// <param name="each">Products that each element of the result is a sum of.</param>
    public static void Add(Tensor result, long each) => _count += result.numel() * each;

    /// <summary>How many products <paramref name="work"/> computes on this thread. Not to be nested.</summary>
    public static long Of(Action work)
    {
        (_areCounted, _count) = (true, 0);
        try
        {
            work();
            return _count;
        }
        finally
        {
            _areCounted = false;
        }
    }
}
