using Ganymede.Datasets;

namespace Ganymede.Cli;

/// <summary>Which fault comes next, after how much peace, and what it hits: all of it from the seed. Two with the same seed say the same.</summary>
internal sealed class FaultSchedule(ChaosSettings settings)
{
    private readonly CounterRandom _random = new(settings.Seed, 0, 0, 0);
    private readonly List<FaultKind> _left = settings.Each is { } each ? [.. Enumerable.Repeat(settings.Faults, each).SelectMany(faults => faults)] : [];

    /// <summary>Null when each has struck as often as it should.</summary>
    public FaultKind? Next()
    {
        if (settings.Each is null)
            return settings.Faults[Choose(settings.Faults.Count)];
        if (_left.Count == 0)
            return null;
        var index = Choose(_left.Count);
        var next = _left[index];
        _left.RemoveAt(index);
        return next;
    }

    /// <summary>From a half to three halves of <see cref="ChaosSettings.Every"/>, so that faults do not keep step with the run.</summary>
    public TimeSpan Peace() => settings.Every * (0.5 + Choose(1001) / 1000.0);

    /// <summary>0..<paramref name="count"/>-1.</summary>
    public int Choose(int count) => _random.NextInt(count);

    /// <summary>Two different ones of 0..<paramref name="count"/>-1.</summary>
    public (int First, int Second) ChooseTwo(int count)
    {
        var first = Choose(count);
        var second = Choose(count - 1);
        return (first, second < first ? second : second + 1);
    }
}
