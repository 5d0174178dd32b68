namespace Ganymede.Coordinator.Api;

/// <summary>Bounds how many readers follow events at once: each costs memory, and reading needs no key. Thread-safe.</summary>
public sealed class StreamPlaces
{
    public const int Most = 256;

    private int _taken;

    /// <summary>A place, to be given back; null when all are taken.</summary>
    public IDisposable? TryEnter()
    {
        if (Interlocked.Increment(ref _taken) <= Most)
            return new Place(this);
        Interlocked.Decrement(ref _taken);
        return null;
    }

    /// <summary>What a reader is told for whom there is none.</summary>
    public static IResult Full() => Results.Problem($"{Most} readers follow events already.", statusCode: StatusCodes.Status503ServiceUnavailable);

    private sealed class Place(StreamPlaces places) : IDisposable
    {
        private int _left;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _left, 1) == 0)
                Interlocked.Decrement(ref places._taken);
        }
    }
}
