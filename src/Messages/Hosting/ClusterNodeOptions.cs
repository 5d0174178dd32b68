using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Options;

namespace Ganymede.Messages;

/// <summary>How this process is reached and whom it joins. Bound from the "Cluster" section.</summary>
public sealed class ClusterNodeOptions : IValidatableObject
{
    public const string Section = "Cluster";

    /// <summary>The name other nodes reach this one by; in Kubernetes, the pod's stable DNS name.</summary>
    [Required]
    public string PublicHostName { get; set; } = "127.0.0.1";

    /// <summary>Address to listen on.</summary>
    [Required]
    public string BindHostName { get; set; } = "127.0.0.1";

    /// <summary>Akka's port; zero picks a free one.</summary>
    [Range(0, 65535)]
    public int Port { get; set; }

    /// <summary>Lighthouse addresses, such as <c>akka.tcp://ganymede@lighthouse-0.lighthouse:4053</c>; the same list, in the same order, on every node.</summary>
    public string[] SeedNodes { get; set; } = [];

    /// <summary>Found a new cluster. Without it a node that knows no other one refuses to start, rather than train on an island of its own.</summary>
    public bool Bootstrap { get; set; }

    /// <summary>Longest wait for the cluster to take this node in.</summary>
    [Range(1, 3600)]
    public int JoinDeadlineSeconds { get; set; } = 120;

    /// <inheritdoc />
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        foreach (var seed in SeedNodes)
        {
            if (!Akka.Actor.Address.TryParse(seed, out _) || !seed.Contains($"://{ClusterHosting.SystemName}@", StringComparison.Ordinal))
                yield return new($"Cluster:SeedNodes: '{seed}' is not an address like akka.tcp://{ClusterHosting.SystemName}@host:4053.");
        }

        if (Bootstrap)
            yield break;
        if (SeedNodes.Length == 0)
            yield return new("Cluster:SeedNodes is empty: name at least one Lighthouse, or found a new cluster with --bootstrap.");
        else if (SeedNodes.All(IsSelf))
            yield return new("Cluster:SeedNodes names only this node itself: name another Lighthouse, or found a new cluster with --bootstrap.");
    }

    private bool IsSelf(string seed) =>
        Akka.Actor.Address.TryParse(seed, out var address) && address.Port == Port
        && string.Equals(address.Host, PublicHostName, StringComparison.OrdinalIgnoreCase);
}

/// <summary>Where this process serves HTTP: health, and the Coordinator's API. Bound from the "Http" section.</summary>
public sealed class HttpEndpointOptions : IValidatableObject
{
    public const string Section = "Http";

    /// <summary>Loopback unless told otherwise: not every route asks who is there.</summary>
    [Required]
    public string Host { get; set; } = "127.0.0.1";

    /// <summary>Zero picks a free port.</summary>
    [Range(0, 65535)]
    public int Port { get; set; }

    /// <inheritdoc />
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (!System.Net.IPAddress.TryParse(Host, out _))
            yield return new($"Http:Host: '{Host}' is not an IP address to listen on; 127.0.0.1 and 0.0.0.0 are.");
    }
}

/// <summary>Validates <see cref="ClusterNodeOptions"/>; all failures together.</summary>
[OptionsValidator]
public sealed partial class ClusterNodeOptionsValidator : IValidateOptions<ClusterNodeOptions>;

/// <summary>Validates <see cref="HttpEndpointOptions"/>.</summary>
[OptionsValidator]
public sealed partial class HttpEndpointOptionsValidator : IValidateOptions<HttpEndpointOptions>;
