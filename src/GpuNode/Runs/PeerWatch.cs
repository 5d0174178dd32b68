using System.Collections.Concurrent;
using System.Diagnostics;
using Ganymede.Collectives;
using Ganymede.Messages;

namespace Ganymede.GpuNode.Runs;

/// <summary>
/// Tells a peer that computes from one that is stopped or cut off: while this node waits in an all-reduce, whoever owes it
/// something and is silent is asked on another connection whether it lives. Costs nothing while all goes well.
/// </summary>
public sealed class PeerWatch(Group group, StallDeadlines deadlines)
{
    private readonly ConcurrentDictionary<int, long> _asked = new();

    /// <summary>Looks who is silent, asks them in the background, and ends the group because of those that do not answer. Call it several times within the silence allowed.</summary>
    public void Look()
    {
        foreach (var debt in group.Debts().Where(debt => debt.Silent >= deadlines.Silence))
        {
            if (debt.Unreached)
            {
                // The view has just begun, and the dial is the probe: a second one would take as long to find out the same.
                group.Accuse(debt.Party, "cannot be reached", debt.Chunk, debt.Silent);
                return;
            }

            var now = Stopwatch.GetTimestamp();
            if (_asked.TryGetValue(debt.Party, out var last) && Stopwatch.GetElapsedTime(last, now) < deadlines.Silence + deadlines.Probe)
                continue;

            _asked[debt.Party] = now;
            new Thread(() => Ask(debt)) { IsBackground = true, Name = $"probe {group.Parties[debt.Party].Name}" }.Start();
        }
    }

    private void Ask(Debt debt)
    {
        var party = group.Parties[debt.Party];
        switch (Probe.Ask(party.Host, party.Port, deadlines.Probe, party.Name))
        {
            case ProbeAnswer.Gone:
                group.Accuse(debt.Party, "is gone: it listens on its data port no more", debt.Chunk, debt.Silent);
                break;
            case ProbeAnswer.Silent when group.Debts().Any(still => still.Party == debt.Party && still.Silent >= deadlines.Silence):
                group.Accuse(debt.Party, "is silent and does not answer a probe", debt.Chunk, debt.Silent + deadlines.Probe);
                break;
            case ProbeAnswer.Alive or ProbeAnswer.Silent:
                break; // it computes, or came back
            default:
                throw new InvalidOperationException("A probe has no other answers.");
        }
    }
}
