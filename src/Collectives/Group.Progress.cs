using System.Diagnostics;

namespace Ganymede.Collectives;

/// <summary>What the links' threads tell the group, and how its caller waits for them.</summary>
public sealed partial class Group
{
    /// <summary>Waits for the next exchange after number <paramref name="finished"/>; true: its memory may be touched until
    /// <see cref="Finish"/> or <see cref="Leave"/>. False: the group has ended.</summary>
    internal bool Enter(long finished, object signal)
    {
        lock (signal)
        {
            while (!_hasEnded && Volatile.Read(ref _sequence) <= finished)
            {
                Monitor.Wait(signal);
            }
        }

        lock (_gate)
        {
            // The caller may have given up between the two locks: then its memory is no longer ours.
            if (_hasEnded || !_busy)
            {
                return false;
            }

            _inside++;
            return true;
        }
    }

    internal void Finish(PeerLink link, bool sending)
    {
        lock (_gate)
        {
            _inside--;
            if (sending)
            {
                link.Sent = _sequence;
            }
            else
            {
                link.Received = _sequence;
            }

            if (--_unfinished == 0)
            {
                Monitor.PulseAll(_gate);
            }
        }
    }

    internal void Leave()
    {
        lock (_gate)
        {
            _inside--;
            Monitor.PulseAll(_gate);
        }
    }

    internal void ChunkSummed()
    {
        Interlocked.MemoryBarrier();
        foreach (var link in _links)
        {
            link.PulseSender();
            link.PulseIfHeldBack();
        }
    }

    internal void Begun(int party, ulong fingerprint)
    {
        lock (_gate)
        {
            _fingerprints[party] = fingerprint;
            if (++_begun == _links.Length && Divergence.Find(_fingerprints, Self) is { Length: > 0 } diverged)
            {
                var known = string.Join(", ", Parties.Select((peer, i) => $"{peer.Name} {_fingerprints[i]:x16}"));
                Fail(new Fault(diverged[0], $"has diverged: fingerprints are {known}", -1, default)
                {
                    Divergence = true,
                    Parties = string.Join(",", diverged.Select(index => Parties[index].Name)),
                });
            }
        }
    }

    internal void Lose(PeerLink link, Fault fault, bool quietly = false)
    {
        if (!quietly && !_hasEnded)
        {
            // Before the caller is woken: by the time it gets its exception the line is there.
            _plane.Log($"run '{Run}', view {View}: party '{link.Address.Name}' at {link.Address.Host}:{link.Address.Port} {fault.Text}");
        }

        lock (_gate)
        {
            link.Lost ??= fault;
            Monitor.PulseAll(_gate);
        }
    }

    internal void LoseSending(PeerLink link, Fault fault)
    {
        lock (_gate)
        {
            link.SendLost ??= (fault, Environment.TickCount64);
            Monitor.PulseAll(_gate);
        }
    }

    private bool WaitUntilFinished()
    {
        var slice = Math.Clamp((int)(_phaseDeadline.TotalMilliseconds / 10), 5, 100);
        lock (_gate)
        {
            while (_unfinished > 0)
            {
                if (_failure is null && FindFault() is { } fault)
                {
                    Fail(fault);
                }

                if (_failure is not null)
                {
                    return false;
                }

                Monitor.Wait(_gate, slice);
            }

            // A whole result counts, even if the group was ended in the same moment.
            return _links.Length > 0 || _failure is null;
        }
    }

    /// <summary>
    /// The party to blame, if any. A connection that broke is its peer's fault at once. Silence is only the fault of a party that
    /// owes what depends on itself alone: results depend on the others' pieces, and a peer that reads slowly may be held back by a
    /// third. So these get a while longer, in which the party that sees the culprit names it.
    /// </summary>
    private Fault? FindFault()
    {
        var now = Environment.TickCount64;
        Fault? found = null;
        foreach (var link in _links)
        {
            var (owes, sends) = (link.Received < _sequence, link.Sent < _sequence);
            if (!owes && !sends)
            {
                continue;
            }

            // A peer that owes nothing may have closed because it is done: then it has read all that was sent to it, and this
            // party's sender is just about to notice. If it has not, sending fails.
            if (owes && link.Lost is { } lost)
            {
                // One's own sight of a broken connection weighs more than what another party says.
                if (lost.Inner is not PeerAbortException)
                {
                    return lost.Chunk >= 0 ? lost : lost with { Chunk = ChunkDue(link) };
                }

                found ??= lost;
                continue;
            }

            if (link.SendLost is { } sendLost)
            {
                found ??= now - sendLost.Since > 50 ? sendLost.Fault : null;
                continue;
            }

            found ??= FindSilence(link, owes, now);
        }

        return found;
    }

    private Fault? FindSilence(PeerLink link, bool owes, long now)
    {
        var isOwnWork = owes && !link.OwesResultsOnly(Exchange);
        var patience = _phaseDeadline + (isOwnWork ? TimeSpan.Zero : Options.MaxStall);
        var last = Math.Max(_startedAt, owes ? link.LastReceived : Math.Max(link.LastSent, link.LastReceived));
        var waited = TimeSpan.FromMilliseconds(now - last);
        if (waited < patience || (owes && link.IsHeldBack))
        {
            return null;
        }

        var text = !link.IsConnected ? "did not connect"
            : !owes ? "does not read what it is sent"
            : link.OwesResultsOnly(Exchange) ? "did not send its result" : "did not send its partial sums";
        return new Fault(link.Index, text, owes ? ChunkDue(link) : -1, waited);
    }

    private int ChunkDue(PeerLink link) => link.ChunkDue(Exchange);

    private void Fail(Fault fault)
    {
        lock (_gate)
        {
            if (_hasEnded)
            {
                return;
            }

            _failure = fault;
            _hasEnded = true;
            Monitor.PulseAll(_gate);
            foreach (var link in _links)
            {
                link.Stop();
            }
        }
    }

    /// <summary>Waits until no thread touches the caller's memory any more: senders may end their frame, for a moment.</summary>
    private void Quiesce()
    {
        var start = Stopwatch.GetTimestamp();
        lock (_gate)
        {
            for (var left = 100; _inside > 0 && left > 0; left = 100 - (int)Stopwatch.GetElapsedTime(start).TotalMilliseconds)
            {
                Monitor.Wait(_gate, left);
            }

            if (_inside > 0)
            {
                foreach (var link in _links)
                {
                    link.Cut();
                }
            }

            while (_inside > 0)
            {
                Monitor.Wait(_gate, 100);
            }
        }
    }
}
