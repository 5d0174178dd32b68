using System.Diagnostics;
using System.Globalization;

namespace Ganymede.Bench;

/// <summary>One member of a team of processes that does rounds of something together.</summary>
internal interface ITeamMember : IDisposable
{
    /// <summary>Where it listens.</summary>
    public int Port { get; }

    /// <summary>Connects to the others; their ports, in member order.</summary>
    public void Connect(IReadOnlyList<int> ports);

    /// <summary>All members do this together; what one round needs is allocated before.</summary>
    public void Prepare(int bytes);

    /// <summary>Returns when all members have come here.</summary>
    public void Barrier();

    /// <summary>One round with as many bytes as were prepared.</summary>
    public void Round();

    /// <summary>Seconds a round, the mean of so many in a row, after a barrier.</summary>
    public double Time(int calls)
    {
        Barrier();
        var start = Stopwatch.GetTimestamp();
        for (var call = 0; call < calls; call++)
        {
            Round();
        }

        return Stopwatch.GetElapsedTime(start).TotalSeconds / calls;
    }
}

/// <summary>
/// How a benchmark talks with each process of a team, ours or a peer's, line by line over standard input and output:
/// <c>port P</c> is said first; <c>connect P0 P1 …</c> is answered with <c>connected</c>; <c>time BYTES ROUNDS CALLS</c> with
/// <c>times S1 S2 …</c>, seconds a call, of as many rounds of CALLS calls each, a barrier before each round, after one round that does
/// not count. A member with phases answers <c>phases</c>
/// with <c>phases COMPUTE EXCHANGE UPDATE</c>, mean seconds a round since the last <c>time</c>. The end of the input is the end of the process.
/// </summary>
internal static class Conversation
{
    public static void Run(ITeamMember member)
    {
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"port {member.Port}"));
        while (Console.ReadLine() is { } line)
        {
            var words = line.Split(' ');
            var numbers = words[1..].Select(word => int.Parse(word, CultureInfo.InvariantCulture)).ToArray();
            switch (words[0])
            {
                case "connect":
                    member.Connect(numbers);
                    Console.WriteLine("connected");
                    break;
                case "time":
                    var times = Time(member, numbers[0], numbers[1], numbers[2]);
                    Console.WriteLine("times " + string.Join(' ', times.Select(seconds => seconds.ToString("R", CultureInfo.InvariantCulture))));
                    break;
                case "phases" when member is IPhasedMember phased:
                    Console.WriteLine($"phases {phased.Clock}");
                    break;
                default:
                    throw new ArgumentException($"'{line}' is not understood");
            }
        }
    }

    private static double[] Time(ITeamMember member, int bytes, int rounds, int calls)
    {
        var times = new double[rounds];
        member.Prepare(bytes);
        for (var round = -1; round < rounds; round++)
        {
            var seconds = member.Time(calls);
            if (round >= 0)
            {
                times[round] = seconds;
            }
        }

        return times;
    }
}
