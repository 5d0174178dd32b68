using System.Diagnostics;
using System.Numerics;

namespace Ganymede.Cli;

/// <summary>
/// What an all-reduce by direct exchange costs, N members and S bytes, each member sending and receiving 2(N-1) messages and 2(N-1)/N S bytes, and adding half of these:
/// T = L (2(N-1) α + 2(N-1)/N S (β + γ/2)), where L = ⌈N / cores⌉ as long as all members share one machine (the fullest core ends last), and 1 where each has its own.
/// </summary>
/// <param name="Alpha">Seconds a message.</param>
/// <param name="Beta">Seconds a byte that is sent and one that is received: copies, checksums, system calls.</param>
/// <param name="Gamma">Seconds a byte that is added.</param>
internal sealed record CostModel(double Alpha, double Beta, double Gamma)
{
    public static IReadOnlyList<int> ProjectedMembers { get; } = [8, 16, 32, 64, 128, 256, 512, 1024];

    public static IReadOnlyList<int> ProjectedGigabits { get; } = [1, 10, 25, 100];

    /// <summary>The α and β with the least sum of squares of relative errors. γ is measured by itself: it is always in one proportion to β.</summary>
    /// <param name="rows">Of one machine; at least two that differ in size.</param>
    /// <param name="cores">Its cores.</param>
    /// <param name="gamma">Seconds a byte that is added.</param>
    public static CostModel Fit(IEnumerable<(int Members, long Bytes, double Seconds)> rows, int cores, double gamma)
    {
        var (mm, mb, bb, m, b) = (0.0, 0.0, 0.0, 0.0, 0.0);
        foreach (var (members, bytes, seconds) in rows)
        {
            var load = Load(members, cores);
            var messages = load * Messages(members) / seconds;
            var moved = load * Moved(members, bytes) / seconds;
            (mm, mb, bb, m, b) = (mm + messages * messages, mb + messages * moved, bb + moved * moved, m + messages, b + moved);
        }

        var determinant = mm * bb - mb * mb;
        return new((m * bb - b * mb) / determinant, (b * mm - m * mb) / determinant - gamma / 2, gamma);
    }

    /// <summary>On one machine.</summary>
    public double Predict(int members, long bytes, int cores) =>
        Load(members, cores) * (Messages(members) * Alpha + Moved(members, bytes) * (Beta + Gamma / 2));

    /// <summary>Each member on a machine of its own, whose link carries so much each way. The slower of link and processor counts: they work at the same time.</summary>
    public double Project(int members, long bytes, double gigabits) =>
        Messages(members) * Alpha + Moved(members, bytes) * Math.Max(8 / (gigabits * 1e9), Beta + Gamma / 2);

    /// <summary>Seconds to add a byte of float32 to another, in main memory.</summary>
    public static double MeasureGamma()
    {
        const int Elements = 8 << 20;
        var (left, right, sum) = (new float[Elements], new float[Elements], new float[Elements]);
        var best = double.MaxValue;
        for (var round = 0; round < 8; round++)
        {
            var start = Stopwatch.GetTimestamp();
            for (var i = 0; i <= Elements - Vector<float>.Count; i += Vector<float>.Count)
                (new Vector<float>(left, i) + new Vector<float>(right, i)).CopyTo(sum, i);
            best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalSeconds / (4.0 * Elements));
        }

        return best;
    }

    private static double Load(int members, int cores) => Math.Ceiling((double)members / cores);

    private static double Messages(int members) => 2.0 * (members - 1);

    private static double Moved(int members, long bytes) => 2.0 * (members - 1) / members * bytes;
}
