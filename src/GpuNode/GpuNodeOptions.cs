using System.ComponentModel.DataAnnotations;
using System.Text.RegularExpressions;
using Ganymede.Collectives;
using Microsoft.Extensions.Options;

namespace Ganymede.GpuNode;

/// <summary>What this node brings to a run. Bound from the "Node" section.</summary>
public sealed partial class GpuNodeOptions : IValidatableObject
{
    public const string Section = "Node";

    /// <summary>Readable part of the node's id; empty for host and process.</summary>
    public string Name { get; set; } = "";

    /// <summary>One replica for each entry of this comma-separated list: <c>cpu</c>, <c>cpu,cpu</c>, <c>cuda:0,cuda:1</c>.</summary>
    [Required]
    public string Devices { get; set; } = "cpu";

    /// <summary>Libtorch threads of each replica. Another number gives other bits, so it is the same on all nodes of a run.</summary>
    [Range(1, 256)]
    public int Threads { get; set; } = 1;

    /// <summary>Begin the next step's work while gradients are exchanged. Changes no result.</summary>
    public bool Overlap { get; set; } = true;

    /// <summary>What float32 gradients travel as. The same on all nodes of a run.</summary>
    public WireFormat Wire { get; set; } = WireFormat.Exact;

    /// <summary>Payload of a frame of the data plane, a multiple of 64. The same on all nodes of a run; changes no result.</summary>
    [Range(64, 16 << 20)]
    public int ChunkBytes { get; set; } = new DataPlaneOptions().ChunkBytes;

    /// <summary>Connections of the data plane to each peer. The same on all nodes of a run; changes no result.</summary>
    [Range(1, 16)]
    public int Connections { get; set; } = new DataPlaneOptions().Connections;

    /// <summary>How gradients are reduced between nodes. The same on all nodes of a run; changes no result.</summary>
    public Algorithm Algorithm { get; set; } = Algorithm.Direct;

    /// <summary>Where fetched data sets are kept; empty for <c>$XDG_CACHE_HOME/ganymede</c> or <c>~/.cache/ganymede</c>.</summary>
    public string CacheFolder { get; set; } = "";

    public string[] DeviceList => Devices.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);

    /// <inheritdoc />
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (DeviceList.Length == 0)
            yield return new("Node:Devices names no device; cpu is one.");
        if (Algorithm == Algorithm.Doubling && Wire != WireFormat.Exact)
            yield return new($"Node:Algorithm: {Algorithm} needs Node:Wire Exact, not {Wire}.");
        if (ChunkBytes % 64 != 0)
            yield return new($"Node:ChunkBytes {ChunkBytes}: a multiple of 64 is expected.");
        if (Runs.Faults.Problem is { } problem)
            yield return new(problem);
        foreach (var device in DeviceList.Where(device => !DeviceName().IsMatch(device)))
            yield return new($"Node:Devices: '{device}' is neither cpu nor cuda:N.");
    }

    [GeneratedRegex("^(cpu|cuda:[0-9]{1,2})$")]
    private static partial Regex DeviceName();
}

/// <summary>Validates <see cref="GpuNodeOptions"/>.</summary>
[OptionsValidator]
public sealed partial class GpuNodeOptionsValidator : IValidateOptions<GpuNodeOptions>;
