using static TorchSharp.torch;

namespace Ganymede.Training;

/// <summary>
/// Torch keeps its number of threads for each calling thread apart; results depend on it, so it is set wherever work
/// may start.
/// </summary>
internal sealed class TorchThreads
{
    private readonly int _count;

    public TorchThreads(int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        _count = count;
        NativeBackend.EnsureLoaded(); // before torch's static constructor, which does not ask the resolver
    }

    /// <summary>Call first in every public method that computes.</summary>
    public void Enter()
    {
        if (get_num_threads() != _count)
        {
            set_num_threads(_count);
        }
    }
}
