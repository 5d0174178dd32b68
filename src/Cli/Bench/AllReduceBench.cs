using System.Globalization;

namespace Ganymede.Cli;

/// <summary>One line of the table.</summary>
/// <param name="Name">Whose time it is: ours, a peer with its number of connections, or the ceiling.</param>
/// <param name="Bytes">Length of the reduced buffer.</param>
/// <param name="MedianSeconds">A call's median, of the slowest member in each round.</param>
/// <param name="BusGigabytesPerSecond">2 (N-1)/N * bytes / seconds / 1e9: what each member sends, and receives, a second.</param>
internal sealed record AllReduceRow(
    string Name, int Members, long Bytes, double MedianSeconds, double LeastSeconds, double MostSeconds, double BusGigabytesPerSecond)
{
    public static AllReduceRow Of(string name, int members, long bytes, IReadOnlyCollection<double> seconds)
    {
        var sorted = seconds.Order().ToArray();
        var median = sorted[sorted.Length / 2];
        return new(name, members, bytes, median, sorted[0], sorted[^1], 2.0 * (members - 1) / members * bytes / median / 1e9);
    }
}

/// <summary>
/// Our all-reduce, its peer and the ceiling, on real processes over loopback, in turns: every few rounds another one runs, so that all
/// have the same machine, in its good moments and its bad ones.
/// </summary>
internal static class AllReduceBench
{
    private const int RoundsInTurn = 3;

    // Rounds shorter than this are repeated before the clock is read: a barrier lets the members go at times that differ by some microseconds.
    private const int BytesOfOneCall = 1 << 20;
    private const int MostCalls = 32;

    /// <param name="members">N, 2 or more.</param>
    /// <param name="sizes">Bytes of the buffers.</param>
    /// <param name="rounds">Measured rounds of each; a multiple of three is done.</param>
    /// <param name="python">Who runs gloo; null for no peer.</param>
    /// <param name="settings">key=value of our members' options.</param>
    /// <param name="say">Told what is going on.</param>
    public static async Task<IReadOnlyList<AllReduceRow>> RunAsync(
        int members, IReadOnlyList<int> sizes, int rounds, string? python, IReadOnlyList<string> settings, Action<string> say, CancellationToken cancel) =>
        await InTurnsAsync(members, sizes, rounds, Contenders(members, python, settings), say, cancel);

    /// <summary>Our all-reduce with each of several values of one setting, in turns; all members of a value in one process.</summary>
    /// <param name="members">N, 2 or more.</param>
    /// <param name="sizes">Bytes of the buffers.</param>
    /// <param name="rounds">Measured rounds of each; a multiple of three is done.</param>
    /// <param name="compared">key=value of each; also the rows' names.</param>
    /// <param name="settings">key=value of all.</param>
    /// <param name="say">Told what is going on.</param>
    public static async Task<IReadOnlyList<AllReduceRow>> CompareAsync(
        int members, IReadOnlyList<int> sizes, int rounds, IReadOnlyList<string> compared, IReadOnlyList<string> settings, Action<string> say, CancellationToken cancel) =>
        await InTurnsAsync(members, sizes, rounds, compared.Select(setting => (setting, 1, (Func<int, IReadOnlyList<string>>)(_ => OwnProcess("house", 0, members, [.. settings, setting])))), say, cancel);

    /// <summary>Starts all contenders, and measures them in turns.</summary>
    private static async Task<IReadOnlyList<AllReduceRow>> InTurnsAsync(
        int members, IReadOnlyList<int> sizes, int rounds, IEnumerable<(string Name, int Processes, Func<int, IReadOnlyList<string>> CommandLine)> contenders, Action<string> say,
        CancellationToken cancel)
    {
        var teams = new List<(string Name, Team Team)>();
        try
        {
            foreach (var (name, processes, commandLine) in contenders)
            {
                say($"Starting {processes} {(processes == 1 ? "process" : "processes")} of {name}");
                teams.Add((name, await Team.StartAsync(name, processes, commandLine, cancel)));
            }

            var rows = new List<AllReduceRow>();
            foreach (var bytes in sizes)
            {
                say(string.Create(CultureInfo.InvariantCulture, $"{members} members, {bytes:N0} bytes"));
                rows.AddRange(await MeasureAsync(members, bytes, rounds, teams, cancel));
            }

            return rows;
        }
        finally
        {
            foreach (var (_, team) in teams)
                await team.DisposeAsync();
        }
    }

    private static async Task<IEnumerable<AllReduceRow>> MeasureAsync(
        int members, int bytes, int rounds, List<(string Name, Team Team)> teams, CancellationToken cancel)
    {
        var calls = Math.Clamp(BytesOfOneCall / Math.Max(bytes, 1), 1, MostCalls);
        var times = teams.Select(_ => new List<double>()).ToArray();
        for (var turn = 0; turn * RoundsInTurn < rounds; turn++)
        {
            for (var i = 0; i < teams.Count; i++)
                times[i].AddRange(await teams[i].Team.TimeAsync(bytes, RoundsInTurn, calls, cancel));
        }

        return teams.Select((team, i) => AllReduceRow.Of(team.Name, members, bytes, times[i]));
    }

    private static IEnumerable<(string Name, int Processes, Func<int, IReadOnlyList<string>> CommandLine)> Contenders(int members, string? python, IReadOnlyList<string> settings)
    {
        yield return ("ganymede", members, member => OwnProcess("reduce", member, members, settings));
        yield return ("ceiling", members, member => OwnProcess("pump", member, members, []));
        foreach (var connections in python is null ? [] : new[] { 1, 2, 4 })
            yield return ($"gloo, {connections} connection{(connections == 1 ? "" : "s")}", members, rank => GlooPeer.CommandLine(python!, rank, members, connections));
    }

    private static IReadOnlyList<string> OwnProcess(string team, int member, int members, IReadOnlyList<string> settings) =>
        [Programs.DotNet, Programs.PathOf("Bench"), team, member.ToString(CultureInfo.InvariantCulture), members.ToString(CultureInfo.InvariantCulture), .. settings];
}
