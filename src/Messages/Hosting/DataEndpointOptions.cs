using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Options;

namespace Ganymede.Messages;

/// <summary>Where this process's data plane listens. Bound from the "Data" section; host names are the Cluster section's.</summary>
public sealed class DataEndpointOptions
{
    public const string Section = "Data";

    /// <summary>Zero picks a free port.</summary>
    [Range(0, 65535)]
    public int Port { get; set; }
}

/// <summary>Validates <see cref="DataEndpointOptions"/>.</summary>
[OptionsValidator]
public sealed partial class DataEndpointOptionsValidator : IValidateOptions<DataEndpointOptions>;
