using System.Net;

namespace Ganymede.Collectives;

/// <summary>How one process takes part in the data plane. All deadlines are positive and finite.</summary>
public sealed record DataPlaneOptions
{
    /// <summary>This process, in log lines.</summary>
    public string Name { get; init; } = Environment.MachineName;

    /// <summary>Address or host name to listen on.</summary>
    public string Host { get; init; } = IPAddress.Loopback.ToString();

    /// <summary>Port to listen on; 0 takes a free one.</summary>
    public int Port { get; init; }

    /// <summary>Deadline of waits on a peer that has nothing to compute: connecting, a handshake, the next bytes of a file.</summary>
    public TimeSpan MaxStall { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>For how long a party whose port refuses is taken for one that is just starting. Where all listen before they are made parties, a refusal
    /// is a death, and need not be waited for.</summary>
    public TimeSpan RefusalPatience { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>How long a connection may wait here for this process to join the view it is for.</summary>
    public TimeSpan JoinDeadline { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long nothing may come from a party whose frames are awaited. The party may still be computing: this must be longer
    /// than the slowest member's phase.</summary>
    public TimeSpan PhaseDeadline { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Payload of a frame: a multiple of 64 in 64..16 Mi. The same at all parties; results do not depend on it.</summary>
    public int ChunkBytes { get; init; } = 512 * 1024;

    /// <summary>Connections to each peer, 1..16; chunks take turns over them. The same at all parties; results do not depend on it.</summary>
    public int Connections { get; init; } = 1;

    /// <summary>What float32 travels as when it is summed. The same at all parties.</summary>
    public WireFormat Wire { get; init; } = WireFormat.Exact;

    /// <summary>How an all-reduce goes about it. The same at all parties; results do not depend on it.</summary>
    public Algorithm Algorithm { get; init; } = Algorithm.Auto;

    /// <summary>Connections whose handshake is not done, and files being served, at one time. More are closed at once.</summary>
    public int MaxPendingConnections { get; init; } = 256;

    /// <summary>Largest file that a fetch without a limit of its own accepts, in bytes.</summary>
    public long MaxFileBytes { get; init; } = 16L << 30;

    /// <summary>Takes one line for every refused or broken connection, with the peer's address. Called from any thread.</summary>
    public Action<string>? Log { get; init; }

    internal void Validate()
    {
        List<string> errors = [];
        foreach (var (name, value) in new[] { (nameof(MaxStall), MaxStall), (nameof(JoinDeadline), JoinDeadline), (nameof(PhaseDeadline), PhaseDeadline) })
        {
            if (value <= TimeSpan.Zero || value.TotalMilliseconds > int.MaxValue / 2)
            {
                errors.Add($"{name} is {value}, not a positive time of at most 12 days");
            }
        }

        if (Port is < 0 or > ushort.MaxValue)
        {
            errors.Add($"{nameof(Port)} is {Port}, not within 0..65535");
        }

        if (ChunkBytes is < 64 or > 16 << 20 || ChunkBytes % 64 != 0)
        {
            errors.Add($"{nameof(ChunkBytes)} is {ChunkBytes}, not a multiple of 64 within 64..16777216");
        }

        if (Connections is < 1 or > 16)
        {
            errors.Add($"{nameof(Connections)} is {Connections}, not within 1..16");
        }

        if (!Enum.IsDefined(Wire))
        {
            errors.Add($"{nameof(Wire)} is {(int)Wire}, not one of {string.Join(", ", Enum.GetNames<WireFormat>())}");
        }

        if (!Enum.IsDefined(Algorithm))
        {
            errors.Add($"{nameof(Algorithm)} is {(int)Algorithm}, not one of {string.Join(", ", Enum.GetNames<Algorithm>())}");
        }
        else if (Algorithm == Algorithm.Doubling && Wire != WireFormat.Exact)
        {
            errors.Add($"{nameof(Algorithm)} {Algorithm} sums what was summed before, which {nameof(Wire)} {Wire} would round again: it needs {WireFormat.Exact}");
        }

        if (MaxPendingConnections < 1)
        {
            errors.Add($"{nameof(MaxPendingConnections)} is {MaxPendingConnections}, not at least 1");
        }

        if (MaxFileBytes < 0)
        {
            errors.Add($"{nameof(MaxFileBytes)} is {MaxFileBytes}, less than 0");
        }

        if (errors.Count > 0)
        {
            throw new ArgumentException("data plane options: " + string.Join("; ", errors));
        }
    }
}
