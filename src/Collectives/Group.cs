using System.Diagnostics;
using System.Net.Sockets;

namespace Ganymede.Collectives;

/// <summary>
/// The parties of one view. All call <see cref="AllReduce"/> or <see cref="Begin"/> with the same sequence of (step, phase, type, length). After any failure
/// the group is dead: every later call throws, the peers are told why, and a newer view is needed.
/// </summary>
public sealed partial class Group : IDisposable
{
    private readonly object _gate = new();
    private readonly DataPlane _plane;
    private readonly PeerLink[] _links;
    private readonly ulong[] _fingerprints;
    private readonly Subtree[] _nodes;
    private readonly DirectExchange _direct;
    private readonly DoublingExchange _doubling;
    private int _begun;
    private long _startedAt;
    private bool _busy;
    private volatile bool _hasEnded;
    private volatile Fault? _failure;

    private readonly TimeSpan _phaseDeadline;

    internal Group(DataPlane plane, string run, long view, IReadOnlyList<PartyAddress> parties, int self, int shards, TimeSpan phaseDeadline)
    {
        _phaseDeadline = phaseDeadline;
        (_plane, Run, View, Parties, Self, Shards) = (plane, run, view, [.. parties], self, shards);
        ShardRange[] owned = [.. parties.Select(party => party.Shards)];
        var plan = new ReductionPlan(shards, owned, self);
        _nodes = plan.NodesOf[self];
        _direct = new DirectExchange(plan, shards, parties.Count, self, plane.Options.ChunkBytes, plane.Options.Wire);
        _doubling = new DoublingExchange(new DoublingPlan(shards, owned, self), parties.Count, plane.Options.ChunkBytes);
        Exchange = _direct;
        Layout = ViewLayout.Fingerprint(parties, shards, plane.Options);
        _fingerprints = new ulong[parties.Count];
        // Each begins with its next: not all send to the same one at the same time.
        _links = [.. from i in Enumerable.Range(1, parties.Count - 1)
            let index = (self + i) % parties.Count
            from lane in Enumerable.Range(0, plane.Options.Connections)
            select new PeerLink(this, index, parties[index], lane, plane.Options.Connections)];
        _polled = new Syscalls.PollEntry[1 + _links.Length];
    }

    public string Run { get; }

    public long View { get; }

    public IReadOnlyList<PartyAddress> Parties { get; }

    /// <summary>Index of this process in <see cref="Parties"/>.</summary>
    public int Self { get; }

    /// <summary>V.</summary>
    public int Shards { get; }

    /// <summary>For a dial, and for an answer that needs no computing.</summary>
    internal TimeSpan MaxStall { get; init; }

    internal DataPlaneOptions Options => _plane.Options;

    /// <summary>The one in progress, or the last.</summary>
    internal Exchange Exchange { get; private set; }

    /// <summary><see cref="Environment.TickCount64"/> when it began here.</summary>
    internal long StartedAt => _startedAt;

    /// <summary>How often a party that waits for others says so where <see cref="Exchange.IsRelayed"/>.</summary>
    internal TimeSpan SignOfLife => _phaseDeadline / 4;

    internal ulong Layout { get; }

    internal bool IsBusy
    {
        get
        {
            lock (_gate)
            {
                return _busy;
            }
        }
    }

    internal bool HasEnded => _hasEnded;

    internal Fault? Failure => _failure;

    /// <summary>
    /// Sums the parties' partial sums along the canonical tree; <paramref name="result"/> then holds the root, bitwise the same at all
    /// parties and for every number of them. Blocks the calling thread; one call at a time. Neither memory is touched after it returned
    /// or threw.
    /// </summary>
    /// <param name="step">Step, the same at all parties.</param>
    /// <param name="phase">Phase, the same at all parties.</param>
    /// <param name="type">Type of an element.</param>
    /// <param name="partials">This party's maximal complete subtrees, ascending (<see cref="PartialSums.Complete"/>), each as long as the result.</param>
    /// <param name="result">Receives the sum; a whole number of elements, 0 too. Must not overlap a partial sum.</param>
    /// <param name="fingerprint">What all parties must agree on, such as a hash of the weights; 0: not given.</param>
    /// <param name="cancel">Ends the wait at once, and the group.</param>
    /// <exception cref="CollectiveException">A peer is lost, late or does something else; names party, step, phase and chunk.</exception>
    /// <exception cref="DivergenceException">The fingerprints differ.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public void AllReduce(
        long step, byte phase, ElementType type, IReadOnlyList<(Subtree Node, ReadOnlyMemory<byte> Sum)> partials, Memory<byte> result,
        ulong fingerprint = 0, CancellationToken cancel = default)
    {
        cancel.ThrowIfCancellationRequested();
        using var pending = Begin(step, phase, type, partials, result, fingerprint, handOver: false);
        pending.Wait(cancel);
    }

    /// <summary>
    /// Begins an all-reduce and returns at once: a thread of the group does this party's whole share of the work while the caller
    /// computes something else. One at a time: the next begins after <see cref="PendingReduction.Wait"/>.
    /// </summary>
    /// <inheritdoc cref="AllReduce"/>
    public PendingReduction Begin(
        long step, byte phase, ElementType type, IReadOnlyList<(Subtree Node, ReadOnlyMemory<byte> Sum)> partials, Memory<byte> result, ulong fingerprint = 0) =>
        Begin(step, phase, type, partials, result, fingerprint, handOver: true);

    /// <summary>Without handing it over, nothing happens until the caller waits: its own thread does the work then, which saves two thread switches.</summary>
    internal PendingReduction Begin(
        long step, byte phase, ElementType type, IReadOnlyList<(Subtree Node, ReadOnlyMemory<byte> Sum)> partials, Memory<byte> result, ulong fingerprint,
        bool handOver)
    {
        RequireFitting(type, partials, result.Length);
        return Begin(new Assignment(Operation.AllReduce, step, phase, type, partials, result, fingerprint), handOver);
    }

    /// <summary>Ends the group: whoever waits in it, here or at a peer, gets an exception with this reason at once.</summary>
    public void Abort(string reason) => Fail(new Fault(-1, $"aborted: {reason}", -1, default));

    /// <summary>Closes the connections. A call that is still waiting gets an exception.</summary>
    public void Dispose()
    {
        if (IsBusy)
        {
            Fail(new Fault(-1, "left the view", -1, default));
        }

        lock (_gate)
        {
            _hasEnded = true;
            Monitor.PulseAll(_gate); // the group's thread ends
            var patience = Stopwatch.GetTimestamp();
            while (_driving && Stopwatch.GetElapsedTime(patience) < TimeSpan.FromSeconds(5))
            {
                Monitor.Wait(_gate, 100);
            }
        }

        _plane.Forget(this);
        foreach (var link in _links)
        {
            link.Cut();
            link.Dispose();
        }

        _waker.Dispose();
    }

    internal void Linger(Socket socket) => _plane.Farewells.Take(socket);

    internal void Connect()
    {
        foreach (var link in _links.Where(link => link.Index > Self))
        {
            link.Dial();
        }
    }

    internal Hello HelloTo(int index, int lane) =>
        new(HelloPurpose.Join, Run, View, Self, Parties[Self].Name, index, Parties[index].Name, Layout, "", lane);

    /// <summary>Why a connection cannot be this group's; null if it can. Claims the link.</summary>
    internal string? Refuse(Hello hello)
    {
        if (_hasEnded)
        {
            return $"view {View} is over here{(_failure is { } fault ? $": {fault.Text}" : "")}";
        }

        if (hello.Index < 0 || hello.Index >= Self || Parties[hello.Index].Name != hello.Name)
        {
            return $"party '{hello.Name}' with number {hello.Index} does not connect to this one in view {View}";
        }

        if (hello.AcceptorIndex != Self || hello.AcceptorName != Parties[Self].Name)
        {
            return $"this is party '{Parties[Self].Name}' with number {Self}, not '{hello.AcceptorName}' with number {hello.AcceptorIndex}";
        }

        if (hello.Layout != Layout)
        {
            return $"view {View} has other parties, shards or chunks here";
        }

        if (hello.Lane < 0 || hello.Lane >= Options.Connections)
        {
            return $"there is no connection {hello.Lane} among {Options.Connections} here";
        }

        return LinkTo(hello.Index, hello.Lane).TryClaim() ? null : $"party '{hello.Name}' is already connected";
    }

    /// <summary>Takes over a connection whose handshake is done.</summary>
    internal void Attach(int index, int lane, Socket socket)
    {
        lock (_gate)
        {
            if (!_hasEnded)
            {
                LinkTo(index, lane).Attach(socket);
                _waker.Wake();
                return;
            }
        }

        // Ended in the same moment: whoever closed the links has not seen this connection.
        LinkTo(index, lane).SayWhy(socket);
    }

    private PeerLink LinkTo(int index, int lane) => _links[((index - Self - 1 + Parties.Count) % Parties.Count * Options.Connections) + lane];

    private Pending Begin(in Assignment task, bool handOver)
    {
        Start(task);
        for (var chunk = 0; Exchange == _direct && chunk < _direct.ChunksAlone && !_hasEnded; chunk++)
        {
            _direct.Sum(chunk);
        }

        if (handOver && _links.Length > 0)
        {
            HandOver();
        }

        return new Pending(this, task.Operation, task.Step, task.Phase);
    }

    private void Start(in Assignment task)
    {
        lock (_gate)
        {
            if (_failure is { } fault)
            {
                throw Describe(fault, task.Operation, task.Step, task.Phase);
            }

            ObjectDisposedException.ThrowIf(_hasEnded, this);
            if (_busy)
            {
                throw new InvalidOperationException("the group is in an exchange already: one at a time");
            }

            _busy = true;
            var doubles = task.Operation == Operation.AllReduce && Options.Algorithm.Doubles(Parties.Count, task.Buffer.Length, Options.Wire);
            Exchange = doubles ? _doubling : _direct;
            Exchange.Start(task);
            _fingerprints[Self] = task.Fingerprint;
            _begun = 0;
            _startedAt = Environment.TickCount64;
            foreach (var link in _links)
            {
                link.Start(Exchange);
            }
        }
    }

    private void RequireFitting(ElementType type, IReadOnlyList<(Subtree Node, ReadOnlyMemory<byte> Sum)> partials, int bytes)
    {
        if (bytes % type.Size() != 0)
        {
            throw new ArgumentException($"result of {bytes} bytes is not a whole number of {type}", nameof(partials));
        }

        if (partials.Count != _nodes.Length)
        {
            throw new ArgumentException($"{partials.Count} partial sums where the party's shards make {_nodes.Length}", nameof(partials));
        }

        for (var i = 0; i < _nodes.Length; i++)
        {
            if (partials[i].Node != _nodes[i] || partials[i].Sum.Length != bytes)
            {
                throw new ArgumentException(
                    $"partial sum {i} is {partials[i].Node} with {partials[i].Sum.Length} bytes, not {_nodes[i]} with {bytes}", nameof(partials));
            }
        }
    }

    private Exception Describe(Fault fault, Operation operation, long step, byte phase)
    {
        var name = operation switch
        {
            Operation.AllReduce => "all-reduce",
            Operation.ReduceScatter => "reduce-scatter",
            Operation.AllGather => "all-gather",
            Operation.Broadcast => "broadcast",
            _ => "transfer",
        };
        var where = $"{name} of run '{Run}', view {View}, step {step}, phase {phase}";
        if (fault.Cancelled is { } token)
        {
            return new OperationCanceledException($"{where}: cancelled", token);
        }

        var index = fault.Party < 0 ? Self : fault.Party;
        var party = fault.Parties ?? Parties[index].Name;
        var chunk = fault.Chunk < 0 ? "" : $", chunk {fault.Chunk}";
        var waited = fault.Waited == default ? "" : $" (nothing came for {fault.Waited.TotalSeconds:0.0} s)";
        var message = $"{where}{chunk}: party '{party}' at {Parties[index].Host}:{Parties[index].Port} {fault.Text}{waited}";
        return fault.Divergence
            ? new DivergenceException(message, party, step, phase, fault.Waited, fault.Inner)
            : new CollectiveException(message, party, step, phase, fault.Chunk, fault.Waited, fault.Inner);
    }

    private sealed class Pending(Group group, Operation operation, long step, byte phase) : PendingReduction
    {
        private bool _isOver;

        public override void Wait(CancellationToken cancel = default)
        {
            if (_isOver)
            {
                throw new InvalidOperationException("this all-reduce was waited for already");
            }

            _isOver = true;
            try
            {
                using var registration = cancel.UnsafeRegister(
                    static (state, token) => ((Group)state!).Fail(new Fault(-1, "was cancelled", -1, default) { Cancelled = token }), group);
                group.WaitUntilOver();
                // A whole result counts, even if the group was ended in the same moment; but not the sum of members that differ.
                if (group._failure is { } fault && (fault.Divergence || group._links.Length == 0 || !group.IsFinished))
                {
                    throw group.Describe(fault, operation, step, phase);
                }
            }
            finally
            {
                group.Exchange.End();
                lock (group._gate)
                {
                    group._busy = false;
                }
            }
        }

        public override void Dispose()
        {
            if (_isOver)
            {
                return;
            }

            group.Abort($"gave up the all-reduce of step {step}, phase {phase}");
            try
            {
                Wait();
            }
            catch (CollectiveException)
            {
                // Ended as it should; the next call says so.
            }
        }
    }
}
