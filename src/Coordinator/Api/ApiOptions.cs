using System.ComponentModel.DataAnnotations;
using System.Net;
using Ganymede.Messages;
using Microsoft.Extensions.Options;

namespace Ganymede.Coordinator.Api;

/// <summary>Who may use the HTTP API. Bound from the "Http" section, beside <see cref="HttpEndpointOptions"/>.</summary>
public sealed class ApiOptions : IValidatableObject
{
    public const string Section = HttpEndpointOptions.Section;

    /// <summary>Where it listens (<see cref="HttpEndpointOptions.Host"/>): beyond loopback it takes orders from those only who have the key.</summary>
    public string Host { get; set; } = "127.0.0.1";

    /// <summary>What a request that changes something has to bring as <c>Authorization: Bearer KEY</c>. In the environment rather than in flags, which every user of the machine can read.</summary>
    public string? ApiKey { get; set; }

    /// <summary>A file that holds it; white space around it does not count.</summary>
    public string? ApiKeyFile { get; set; }

    /// <summary>Listen beyond loopback without a key all the same: whoever reaches the port steers the cluster.</summary>
    public bool AllowAnonymous { get; set; }

    /// <summary>Names by which browsers reach this Coordinator besides localhost and IP addresses; where there are any, no other is answered.</summary>
    public string[] AllowedHosts { get; set; } = [];

    public bool IsLoopback => IPAddress.TryParse(Host, out var address) && IPAddress.IsLoopback(address);

    /// <inheritdoc />
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        var key = Api.ApiKey.Load(this, out var problem);
        if (problem is not null)
            yield return new(problem);
        else if (key is null && !IsLoopback && !AllowAnonymous && IPAddress.TryParse(Host, out _))
            yield return new($"Http:Host: {Host} can be reached from other machines, and there is no API key; give Http:ApiKeyFile (or GANYMEDE__Http__ApiKey), or say Http:AllowAnonymous=true.");
    }
}

/// <summary>Validates <see cref="ApiOptions"/>.</summary>
[OptionsValidator]
public sealed partial class ApiOptionsValidator : IValidateOptions<ApiOptions>;
