namespace Ganymede.Collectives;

/// <summary>
/// An all-reduce that has begun and goes on by itself. Until <see cref="Wait"/> or <see cref="Dispose"/> has returned, the partial sums
/// must not change and the result must not be touched. Used by the thread that began it.
/// </summary>
public abstract class PendingReduction : IDisposable
{
    private protected PendingReduction()
    {
    }

    /// <summary>Waits for the result. To be called once; afterwards neither memory is touched any more, whether it returned or threw.</summary>
    /// <param name="cancel">Ends the wait at once, and the group.</param>
    /// <exception cref="CollectiveException">A peer is lost, late or does something else; names party, step, phase and chunk.</exception>
    /// <exception cref="DivergenceException">The fingerprints differ.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    /// <exception cref="InvalidOperationException">Waited for already.</exception>
    public abstract void Wait(CancellationToken cancel = default);

    /// <summary>Gives up a reduction that was not waited for, and the group with it. Does nothing after <see cref="Wait"/>.</summary>
    public abstract void Dispose();
}
