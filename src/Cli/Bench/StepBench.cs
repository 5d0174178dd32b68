using System.Globalization;

namespace Ganymede.Cli;

/// <summary>One line of the table: a training step.</summary>
/// <param name="Name">Whose: <c>ganymede</c>, <c>ganymede, overlap off</c>, <c>plain TorchSharp</c> or <c>ddp</c>.</param>
/// <param name="MedianSeconds">A step's median, of the slowest member in each.</param>
/// <param name="ExposedSeconds">Mean time a step in which the slowest member waited for the exchange; null where it is not known.</param>
internal sealed record StepRow(
    string Name, int Members, int BatchPerMember, double MedianSeconds, double LeastSeconds, double MostSeconds, double ImagesPerSecond, double? ExposedSeconds);

/// <summary>What is measured.</summary>
/// <param name="Hosts">Addresses of the members' hosts with the command that starts a process there; empty for loopback.</param>
internal sealed record StepBenchSettings(
    string Preset, IReadOnlyList<string> Overrides, IReadOnlyList<int> Members, int Batch, int Threads, int Steps, string? Python,
    IReadOnlyList<(string Address, IReadOnlyList<string> Prefix)> Hosts);

/// <summary>
/// Our training step, the plain TorchSharp loop's and DistributedDataParallel's, on real processes in turns: every few steps another one
/// runs, so that all have the same machine, in its good moments and its bad ones.
/// </summary>
internal static class StepBench
{
    private const int StepsInTurn = 3;
    private const string Loopback = "127.0.0.1";

    public static async Task<IReadOnlyList<StepRow>> RunAsync(StepBenchSettings settings, Action<string> say, CancellationToken cancel)
    {
        var teams = new List<(string Name, int Members, bool HasPhases, Team Team)>();
        try
        {
            foreach (var (name, members, hasPhases, commandLine) in settings.Members.SelectMany(members => Contenders(settings, members)))
            {
                say($"Starting {members} process{(members == 1 ? "" : "es")} of {name}");
                teams.Add((name, members, hasPhases, await Team.StartAsync(name, members, commandLine, cancel)));
            }

            var times = teams.Select(_ => new List<double>()).ToArray();
            var exposed = teams.Select(_ => new List<double>()).ToArray();
            for (var turn = 0; turn * StepsInTurn < settings.Steps; turn++)
            {
                say($"Steps {turn * StepsInTurn + 1} to {(turn + 1) * StepsInTurn} of each");
                for (var i = 0; i < teams.Count; i++)
                {
                    times[i].AddRange(await teams[i].Team.TimeAsync(bytes: 0, StepsInTurn, calls: 1, cancel));
                    if (teams[i].HasPhases)
                        exposed[i].Add((await teams[i].Team.PhasesAsync(cancel)).Max(member => member[1]));
                }
            }

            return [.. teams.Select((team, i) => Row(team.Name, team.Members, settings.Batch, times[i], exposed[i]))];
        }
        finally
        {
            foreach (var (_, _, _, team) in teams)
                await team.DisposeAsync();
        }
    }

    private static StepRow Row(string name, int members, int batch, List<double> times, List<double> exposed)
    {
        var sorted = times.Order().ToArray();
        var median = sorted[sorted.Length / 2];
        return new(
            name, members, batch, median, sorted[0], sorted[^1], members * batch / median,
            exposed.Count == 0 ? null : exposed.Order().ElementAt(exposed.Count / 2));
    }

    private static IEnumerable<(string Name, int Members, bool HasPhases, Func<int, IReadOnlyList<string>> CommandLine)> Contenders(StepBenchSettings settings, int members)
    {
        string[] common =
        [
            $"preset={settings.Preset}", Text($"batch={settings.Batch}"), Text($"threads={settings.Threads}"),
            .. settings.Overrides.Select(change => $"set:{change}"),
            .. settings.Hosts.Count == 0 ? [] : new[] { $"hosts={string.Join(',', settings.Hosts.Take(members).Select(host => host.Address))}" },
        ];
        yield return ("ganymede", members, true, member => [.. Prefix(settings, member), .. Own("step", member, members), "overlap=on", .. common]);
        if (members > 1)
            yield return ("ganymede, overlap off", members, true, member => [.. Prefix(settings, member), .. Own("step", member, members), "overlap=off", .. common]);
        else
            yield return ("plain TorchSharp", 1, false, member => [.. Prefix(settings, member), .. Own("plain", member, members), "overlap=off", .. common]);
        if (settings.Python is { } python)
        {
            yield return ("ddp", members, false, rank =>
            [
                .. Prefix(settings, rank), python, PeerScripts.PathOf("ddp_step.py"), Text($"{rank}"), Text($"{members}"), Text($"{settings.Batch}"), Text($"{settings.Threads}"),
                .. settings.Hosts.Count == 0 ? [Loopback, "lo", Loopback] : new[] { settings.Hosts[rank].Address, "e0", settings.Hosts[0].Address },
            ]);
        }
    }

    private static IReadOnlyList<string> Prefix(StepBenchSettings settings, int member) => settings.Hosts.Count == 0 ? [] : settings.Hosts[member].Prefix;

    private static IReadOnlyList<string> Own(string team, int member, int members) =>
        [Programs.DotNet, Programs.PathOf("Bench"), team, Text($"{member}"), Text($"{members}")];

    private static string Text(FormattableString text) => FormattableString.Invariant(text);
}
