using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Options;

namespace Ganymede.Commands;

/// <summary>Where this process takes operators' commands. Bound from the "Pbm" section: <c>GANYMEDE__PBM__HOST</c>, <c>GANYMEDE__PBM__PORT</c>.</summary>
public sealed class PbmOptions : IValidatableObject
{
    public const string Section = "Pbm";
    public const int DefaultPort = 9110;

    /// <summary>Loopback unless told otherwise: whoever reaches it may do everything.</summary>
    [Required]
    public string Host { get; set; } = "127.0.0.1";

    /// <summary>0 takes a free one, -1 turns the endpoint off.</summary>
    [Range(-1, 65535)]
    public int Port { get; set; } = DefaultPort;

    /// <summary>Shells that are connected at once; more are turned away.</summary>
    [Range(1, 1000)]
    public int MostClients { get; set; } = 32;

    /// <inheritdoc />
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (!System.Net.IPAddress.TryParse(Host, out _))
            yield return new($"Pbm:Host: '{Host}' is not an IP address to listen on; 127.0.0.1 and 0.0.0.0 are.");
    }
}

/// <summary>Validates <see cref="PbmOptions"/>.</summary>
[OptionsValidator]
public sealed partial class PbmOptionsValidator : IValidateOptions<PbmOptions>;
