using System.Buffers.Binary;
using System.Diagnostics;

namespace Ganymede.Collectives;

/// <summary>
/// How an exchange goes on. One thread at a time drives it: the caller's own where it waits anyway, else the group's. It sends and
/// receives on all links whatever is possible at once, sums what has come, and otherwise waits for the sockets.
/// </summary>
public sealed partial class Group
{
    // How often a thread that has nothing else to do looks again before it sleeps.
    private const int Spins = 20;

    // How long the last words to the peers may take when the group has ended.
    private static readonly TimeSpan Farewell = TimeSpan.FromMilliseconds(100);

    private readonly Waker _waker = new();
    private readonly Syscalls.PollEntry[] _polled;
    private Thread? _thread;
    private bool _handedOver;
    private bool _driving;
    private bool _saidWhy;

    /// <summary>The fingerprints of those a peer speaks for have come.</summary>
    internal void Begun(ReadOnlySpan<int> parties, ReadOnlySpan<byte> fingerprints)
    {
        lock (_gate)
        {
            foreach (var party in parties)
            {
                if (party != Self)
                {
                    _fingerprints[party] = BinaryPrimitives.ReadUInt64LittleEndian(fingerprints);
                    _begun++;
                }

                fingerprints = fingerprints[sizeof(ulong)..];
            }

            if (_begun == Parties.Count - 1 && Divergence.Find(_fingerprints, Self) is { Length: > 0 } diverged)
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

    /// <summary>The fingerprints of those that this party speaks for.</summary>
    internal void Speak(ReadOnlySpan<int> parties, ref byte[] payload)
    {
        if (payload.Length != parties.Length * sizeof(ulong))
        {
            payload = GC.AllocateUninitializedArray<byte>(parties.Length * sizeof(ulong), pinned: true);
        }

        for (var i = 0; i < parties.Length; i++)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(payload.AsSpan(i * sizeof(ulong)), _fingerprints[parties[i]]);
        }
    }

    internal void Lose(PeerLink link, Fault fault)
    {
        if (!_hasEnded)
        {
            // Before the caller is woken: by the time it gets its exception the line is there.
            _plane.Log($"run '{Run}', view {View}: party '{link.Address.Name}' at {link.Address.Host}:{link.Address.Port} {fault.Text}");
        }

        lock (_gate)
        {
            link.Lost ??= fault;
        }

        _waker.Wake();
    }

    /// <summary>What the peers are told when the group has ended by a failure: whom this party blames, so that they do not blame it for hanging up.</summary>
    internal byte[]? Notice() =>
        _failure is { } fault ? AbortNotice.Write(fault.Party < 0 ? Self : fault.Party, fault.Divergence, fault.Text) : null;

    private bool IsFinished => Array.TrueForAll(_links, link => link.IsReceived && link.IsSent);

    /// <summary>The group's own thread goes on with the exchange; this one has sent what the sockets took at once.</summary>
    private void HandOver()
    {
        if (!Enter())
        {
            return;
        }

        Pass();
        Exit();
        lock (_gate)
        {
            // It may have ended in that very pass, as where weights differ, and the thread, which sees that, be gone: nobody would take it back.
            if (_hasEnded)
            {
                return;
            }

            _handedOver = true;
            if (_thread is null)
            {
                _thread = new Thread(DriveWhatIsHandedOver, 256 * 1024) { IsBackground = true, Name = $"all-reduce of {Parties[Self].Name}" };
                _thread.Start();
            }

            Monitor.PulseAll(_gate);
        }
    }

    private void DriveWhatIsHandedOver()
    {
        while (true)
        {
            lock (_gate)
            {
                while (!_handedOver)
                {
                    if (_hasEnded)
                    {
                        return;
                    }

                    Monitor.Wait(_gate);
                }
            }

            Drive(spin: false);
            lock (_gate)
            {
                _handedOver = false;
                Monitor.PulseAll(_gate);
            }
        }
    }

    /// <summary>Returns when nobody touches the exchange's memory any more: it is finished, or the group has ended.</summary>
    private void WaitUntilOver()
    {
        lock (_gate)
        {
            if (_handedOver)
            {
                while (_handedOver)
                {
                    Monitor.Wait(_gate);
                }

                return;
            }
        }

        Drive(spin: true);
    }

    /// <param name="spin">Whether to look for more a short while before this thread sleeps: waking it costs more than that. Not beside a caller that computes.</param>
    private void Drive(bool spin)
    {
        if (!Enter())
        {
            return;
        }

        try
        {
            for (var idle = 0; !_hasEnded;)
            {
                idle = Pass() ? 0 : idle + 1;
                if (IsFinished)
                {
                    break;
                }

                if (FindFault() is { } fault)
                {
                    Fail(fault);
                }
                else if (idle > 0 && spin && idle < Spins)
                {
                    Thread.Yield();
                }
                else if (idle > 0)
                {
                    WaitForSockets();
                }
            }
        }
        finally
        {
            Exit();
        }
    }

    /// <summary>False if the group has ended, and nobody drives it any more.</summary>
    private bool Enter()
    {
        lock (_gate)
        {
            while (_driving)
            {
                Monitor.Wait(_gate);
            }

            _driving = !_hasEnded;
            return _driving;
        }
    }

    /// <summary>Whoever drives when the group ends says why, as nobody else may send.</summary>
    private void Exit()
    {
        lock (_gate)
        {
            if (!_hasEnded)
            {
                _driving = false;
                Monitor.PulseAll(_gate);
                return;
            }
        }

        Leave();
    }

    private bool Pass()
    {
        var progress = false;
        foreach (var link in _links)
        {
            progress |= link.Receive(Exchange);
        }

        foreach (var link in _links)
        {
            progress |= link.Send(Exchange);
        }

        return progress;
    }

    private void WaitForSockets()
    {
        var count = 0;
        _polled[count++] = _waker.Entry;
        foreach (var link in _links)
        {
            if (link.Awaited is { } entry)
            {
                _polled[count++] = entry;
            }
        }

        Syscalls.Poll(_polled.AsSpan(0, count), Math.Clamp((int)(_phaseDeadline.TotalMilliseconds / 10), 5, 100));
        _waker.Clear();
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
            var (owes, sends) = (!link.IsReceived, !link.IsSent);
            if (!owes && !sends)
            {
                continue;
            }

            // Nobody is done, and hangs up for that, who is owed something.
            if (link.Lost is { } lost)
            {
                // One's own sight of a broken connection weighs more than what another party says.
                if (lost.Inner is not PeerAbortException)
                {
                    // Who leaves says why over every connection, but where a frame is under way it may not get that far.
                    if (FarewellOf(link.Index) is { } said)
                    {
                        found ??= said;
                        continue;
                    }

                    return lost.Chunk >= 0 ? lost : lost with { Chunk = link.ChunkDue };
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

    /// <summary>Why a party has left, if it has said so over any of its connections.</summary>
    private Fault? FarewellOf(int party)
    {
        foreach (var link in _links)
        {
            if (link.Index == party && link.Lost is { Inner: PeerAbortException } said)
            {
                return said;
            }
        }

        return null;
    }

    private Fault? FindSilence(PeerLink link, bool owes, long now)
    {
        // What is not sent to a peer since this party itself waits for others is not that peer's fault.
        if (!owes && !link.IsStuck)
        {
            return null;
        }

        var patience = _phaseDeadline + (owes && link.OwesOwnWork ? TimeSpan.Zero : Options.MaxStall);
        var last = Math.Max(_startedAt, owes ? link.LastReceived : Math.Max(link.LastSent, link.LastReceived));
        var waited = TimeSpan.FromMilliseconds(now - last);
        if (waited < patience || (owes && link.IsHeldBack))
        {
            return null;
        }

        var text = !link.IsConnected ? "did not connect"
            : !owes ? "does not read what it is sent"
            : link.OwesResultsOnly ? "did not send its result" : "did not send its partial sums";
        return new Fault(link.Index, text, owes ? link.ChunkDue : -1, waited);
    }

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
            if (_driving)
            {
                _waker.Wake();
                return;
            }

            _driving = true;
        }

        Leave();
    }

    /// <summary>Tells the peers why, cuts the connections and stops driving.</summary>
    private void Leave()
    {
        var notice = _saidWhy ? null : Notice();
        _saidWhy = true;
        var start = Stopwatch.GetTimestamp();
        var left = _links.Where(link => link.BeginLeaving(notice)).ToList();
        while (left.RemoveAll(link => !link.GoOnLeaving()) >= 0 && left.Count > 0 && Stopwatch.GetElapsedTime(start) < Farewell)
        {
            Syscalls.Poll([.. left.Select(link => link.AwaitedToLeave).OfType<Syscalls.PollEntry>()], 10);
        }

        foreach (var link in _links)
        {
            link.Cut();
        }

        lock (_gate)
        {
            _driving = false;
            Monitor.PulseAll(_gate);
        }
    }
}
