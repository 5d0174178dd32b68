namespace Ganymede.Collectives;

/// <summary>A party that owes this one something of the all-reduce in progress, or does not take in what this one has for it.</summary>
/// <param name="Party">Its index.</param>
/// <param name="Chunk">The chunk awaited of it; -1 for none.</param>
/// <param name="Silent">How long nothing has come from it, nor been taken.</param>
/// <param name="Unreached">This party dials it and has not got through to its host.</param>
public readonly record struct Debt(int Party, int Chunk, TimeSpan Silent, bool Unreached = false);

public sealed partial class Group
{
    /// <summary>
    /// Who owes something or takes nothing, and for how long: it may be computing, waiting for a third, stopped or cut off.
    /// Outside of an all-reduce nobody owes anything, and only who is not reached is named: that shows before the first one begins.
    /// </summary>
    public IReadOnlyList<Debt> Debts()
    {
        var now = Environment.TickCount64;
        var debts = new List<Debt>();
        lock (_gate)
        {
            if (_hasEnded)
            {
                return [];
            }

            foreach (var link in _links)
            {
                if (link.IsUnreached)
                {
                    debts.Add(new Debt(link.Index, _busy ? link.ChunkDue : -1, TimeSpan.FromMilliseconds(now - link.DialedAt), Unreached: true));
                }
                else if (!_busy)
                {
                    continue;
                }
                else if (!link.IsReceived && !link.IsHeldBack)
                {
                    debts.Add(new Debt(link.Index, link.ChunkDue, TimeSpan.FromMilliseconds(now - Math.Max(_startedAt, link.LastReceived))));
                }
                else if (link.IsStuck)
                {
                    // It has sent all that it has to, and stopped before it took in all that it needs.
                    debts.Add(new Debt(link.Index, -1, TimeSpan.FromMilliseconds(now - Math.Max(_startedAt, Math.Max(link.LastReceived, link.LastSent)))));
                }
            }
        }

        return debts;
    }

    /// <summary>Ends the group because of another party: whoever waits gets an exception that names it.</summary>
    public void Accuse(int party, string text, int chunk, TimeSpan waited) => Fail(new Fault(party, text, chunk, waited));
}
