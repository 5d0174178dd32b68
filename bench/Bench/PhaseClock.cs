using System.Diagnostics;
using System.Globalization;

namespace Ganymede.Bench;

/// <summary>A team member whose rounds have phases.</summary>
internal interface IPhasedMember : ITeamMember
{
    public PhaseClock Clock { get; }
}

/// <summary>What a member's thread was doing since the last reset, in seconds.</summary>
internal sealed class PhaseClock
{
    private long _last, _compute, _exchange, _update;
    private int _rounds;

    public void Reset() => (_compute, _exchange, _update, _rounds) = (0, 0, 0, 0);

    public void Start()
    {
        _last = Stopwatch.GetTimestamp();
        _rounds++;
    }

    public void Computed() => Lap(ref _compute);

    public void Exchanged() => Lap(ref _exchange);

    public void Updated() => Lap(ref _update);

    /// <summary>Seconds a round: computing, waiting for the exchange, updating.</summary>
    public override string ToString() => string.Join(' ', new[] { _compute, _exchange, _update }
        .Select(ticks => ((double)ticks / Stopwatch.Frequency / Math.Max(_rounds, 1)).ToString("R", CultureInfo.InvariantCulture)));

    private void Lap(ref long ticks)
    {
        var now = Stopwatch.GetTimestamp();
        ticks += now - _last;
        _last = now;
    }
}
